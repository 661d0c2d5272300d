"""Rows of settings in which every value of every axis meets every value of every other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

Axes = Mapping[str, Sequence[str]]
Setting = dict[str, str]
"""A value for each axis."""

Choice = tuple[str, str]
"""An axis and one of its values."""


def pairs(setting: Iterable[Choice]) -> set[frozenset[Choice]]:
    """Return every two choices of a row."""
    return set(map(frozenset, combinations(setting, 2)))


def all_pairs(axes: Axes) -> set[frozenset[Choice]]:
    """Return every two choices that can meet."""
    return {
        frozenset(((one, first), (other, second)))
        for one, other in combinations(axes, 2)
        for first in axes[one]
        for second in axes[other]
    }


def covering(axes: Axes) -> list[Setting]:
    """Return few rows that have all pairs, the first of them with the first value of each axis; always the same ones."""
    rows = [{axis: values[0] for axis, values in axes.items()}]
    left = all_pairs(axes) - pairs(rows[0].items())
    while left:
        row = _row(axes, left)
        rows.append(row)
        left -= pairs(row.items())
    return rows


def _row(axes: Axes, left: set[frozenset[Choice]]) -> Setting:
    """Return a row that begins with a pair of *left* and takes at each axis the value that brings most of the others."""
    chosen = dict(min(left, key=sorted))
    for axis, values in axes.items():
        if axis not in chosen:
            gains = {value: _gain((axis, value), chosen, left) for value in values}
            chosen[axis] = max(values, key=gains.__getitem__)
    return {axis: chosen[axis] for axis in axes}


def _gain(choice: Choice, chosen: Setting, left: set[frozenset[Choice]]) -> int:
    return sum(frozenset((choice, other)) in left for other in chosen.items())
