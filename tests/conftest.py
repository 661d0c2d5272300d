"""What holds for every test."""

from __future__ import annotations

from command import place, shared_uv
from hypothesis import settings
from lab import busybox, dockerd, podman

__all__ = ["busybox", "dockerd", "place", "podman", "shared_uv"]
"""Fixtures: real engines, started when the first test asks for them, and a place to run commands in."""

# A slow machine is no defect; what must be fast is measured by `make bench`.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
