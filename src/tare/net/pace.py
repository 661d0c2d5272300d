"""The speed of a transfer: a server that sends one byte a second is as good as dead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_WINDOW: Final = 30.0
"""Seconds over which the speed is measured."""


class Pace:
    """Counts what arrives, window by window."""

    floor: Final = 1024
    """Bytes a second, below which a transfer is given up."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since = monotonic()
        self._bytes = 0

    def too_slow(self, count: int) -> bool:
        """Add *count* bytes; tell whether the window that ends with them had too few."""
        self._bytes += count
        now = self._monotonic()
        elapsed = now - self._since
        if elapsed < _WINDOW:
            return False
        slow = self._bytes < elapsed * self.floor
        self._since, self._bytes = now, 0
        return slow
