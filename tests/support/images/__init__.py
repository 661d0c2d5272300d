"""Images, sound and unsound: every byte of a layout, a document or a layer can be chosen."""
