"""Dockerfiles: written for a project, and built by an engine to see what a repair is worth."""
