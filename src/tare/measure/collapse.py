"""Many files, named by the directories that have nothing else in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

MAX_PATHS: Final = 1000
"""Paths that are named in one place; the bytes are of all."""


def collapse(chosen: Mapping[str, int], universe: Iterable[str]) -> list[tuple[str, int]]:
    """Return what *chosen* are, with their bytes, the largest first.

    A directory stands for its files where every file of *universe* in it is chosen.

    >>> collapse({"a/t/1": 5, "a/t/2": 1, "a/x": 2}, ["a/t/1", "a/t/2", "a/x", "a/y"])
    [('/a/t/', 6), ('/a/x', 2)]
    """
    there = _counts(universe)
    mine = _counts(chosen)
    found: dict[str, int] = defaultdict(int)
    tops: dict[str, str | None] = {}
    for path, size in chosen.items():
        directory = path.rpartition("/")[0]
        if directory not in tops:
            tops[directory] = _top(directory, mine, there)
        top = tops[directory]
        found[f"/{path}" if top is None else f"/{top}/"] += size
    return sorted(found.items(), key=lambda each: (-each[1], each[0]))


def _top(directory: str, mine: Mapping[str, int], there: Mapping[str, int]) -> str | None:
    """Return the highest directory at or above *directory* whose files are all chosen."""
    best = None
    while directory and mine[directory] == there.get(directory, 0):
        best = directory
        directory = directory.rpartition("/")[0]
    return best


def _counts(paths: Iterable[str]) -> dict[str, int]:
    """Return how many files lie in each directory, at any depth."""
    direct: dict[str, int] = defaultdict(int)
    for path in paths:
        direct[path.rpartition("/")[0]] += 1
    counts: dict[str, int] = defaultdict(int)
    for directory, count in direct.items():
        here = directory
        while here:
            counts[here] += count
            here = here.rpartition("/")[0]
    return counts
