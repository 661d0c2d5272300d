"""From a plan to an image: layers are written, or found where they were written before."""
