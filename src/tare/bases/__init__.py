"""Base images: their facts, and the ones that tare assembles from Debian packages."""
