"""What runs containers: Docker, podman, and without either of them a namespace of one's own."""
