"""Dockerfiles: read as BuildKit reads them, and judged by what they do to a Python project."""
