"""Writing a Dockerfile and a `.dockerignore` for a project."""
