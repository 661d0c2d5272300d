"""Files that a root file system has more than once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tare.measure.contents import Live

_SMALLEST: Final = 4096
"""Bytes from which a copy is worth a word: a block of most file systems."""


def copies(live: Iterable[Live]) -> list[tuple[Live, ...]]:
    """Return groups of files with equal content, each under its first name, those with the most bytes to save first."""
    groups: dict[tuple[bytes, int], list[Live]] = defaultdict(list)
    for item in live:
        if item.first and item.file.size >= _SMALLEST:
            groups[item.file.digest, item.file.size].append(item)
    found = [tuple(group) for group in groups.values() if len(group) > 1]
    return sorted(found, key=lambda group: (-group[0].file.size * (len(group) - 1), group[0].path))
