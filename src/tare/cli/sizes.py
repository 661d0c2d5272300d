"""Sizes on the command line."""

from __future__ import annotations

from argparse import ArgumentTypeError

from tare.projects import sizes


def size(text: str) -> int:
    """Read a number of bytes.

    >>> size("1.5 GB")
    1500000000
    """
    found = sizes.size(text)
    if found is None:
        raise ArgumentTypeError(f"`{text}` is not a size; write `200MB`, `1.5GB` or a number of bytes")
    return found
