"""Sizes as people type them: `200MB`, `1.5 GB`, `64MiB`."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {
    "": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9,
    "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_size = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]*)").fullmatch


def size(text: str) -> int | None:
    """Return a number of bytes, or None for what is not a size; units are decimal, as everywhere in tare.

    >>> size("1.5 GB")
    1500000000
    """
    match = _size(text.strip().lower())
    if match is None or match[2] not in _UNITS or len(match[1]) > 18:
        return None
    return round(float(match[1]) * _UNITS[match[2]]) if "." in match[1] else int(match[1]) * _UNITS[match[2]]
