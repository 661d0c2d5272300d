"""What runs containers: Docker, podman, and a change of root directory where there is neither."""
