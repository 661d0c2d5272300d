"""Programs that run inside the images that are measured: only the standard library, and Python 3.8 or newer."""
