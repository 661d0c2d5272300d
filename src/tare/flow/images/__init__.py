"""Images that exist: read, checked, weighed, compared and copied, wherever they are."""
