"""What is known of base images without reading them, and who says so."""
