"""The base of an image: from its name to what is known of it, and to its layers where those are needed."""
