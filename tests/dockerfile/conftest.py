"""What the tests of generated Dockerfiles share."""

from __future__ import annotations

from dockerfile_lab import lab, replica

__all__ = ["lab", "replica"]
