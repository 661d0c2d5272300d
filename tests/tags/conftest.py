"""The fixtures of tests that ask registries and archives."""

from __future__ import annotations

from hub import make_world, registry

__all__ = ["make_world", "registry"]
