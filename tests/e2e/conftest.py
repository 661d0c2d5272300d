"""Real projects, built once for all of these tests."""

from __future__ import annotations

from real import example, open_place, tare_command

__all__ = ["example", "open_place", "tare_command"]
