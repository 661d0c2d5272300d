"""Images as the OCI specifications define them. Nothing here knows that Python packaging exists."""
