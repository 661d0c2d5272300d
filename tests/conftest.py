"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings
from lab import busybox, dockerd, podman

__all__ = ["busybox", "dockerd", "podman"]
"""Fixtures: real engines, started when the first test asks for them."""

# A slow machine is no defect; what must be fast is measured by `make bench`.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
