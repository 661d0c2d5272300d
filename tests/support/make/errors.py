"""Errors, whole."""

from __future__ import annotations

from tare.errors import TareError

Told = tuple[type[TareError], str, tuple[str, ...], tuple[str, ...]]


def told(error: TareError) -> Told:
    """Return all that an error says."""
    return type(error), error.message, error.causes, error.hints
