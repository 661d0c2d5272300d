"""Which distributions of a lock are needed, and where: for locks that leave that to whoever reads them.

A lock of older tools is a graph: it has releases, and what each depends on. Walking it from what a project asks for
gives each release the markers of every way that leads to it. A way is a set of markers that all hold, a release has a
set of ways, and a way that has all of another's markers adds nothing. That is a disjunctive normal form, kept minimal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from tare.projects import markers

Way = frozenset[str]
"""Markers of a lock that hold together. The empty one holds everywhere."""

_MOST_WAYS = 64
"""More ways to one release than this are replaced by "everywhere": too much is installed then, never too little."""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """That something needs a distribution."""

    name: str
    """Normalized."""

    accepts: Callable[[str | None], bool] = lambda version: True  # noqa: ARG005
    """Whether a locked version is the one that is meant, since a lock may have several."""

    extras: frozenset[str] = frozenset()

    marker: str | None = None
    """Of a lock."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One release in a lock, and what it needs."""

    name: str
    version: str | None = None
    extra: str | None = None
    """Set in the entry of an extra: PDM has one beside the release's own."""

    needs: tuple[Edge, ...] = ()
    extras: Mapping[str, tuple[Edge, ...]] = msgspec.field(default_factory=dict)
    """What each of its extras needs besides."""


def reached(roots: Iterable[Edge], releases: Sequence[Release]) -> dict[int, str | None]:
    """Return the marker of each release that *roots* lead to, by its place in *releases*; `None` holds everywhere."""
    by_name: dict[str, list[int]] = {}
    for index, release in enumerate(releases):
        by_name.setdefault(release.name, []).append(index)
    found: dict[tuple[int, str | None], set[Way]] = {}
    waiting: list[tuple[Edge, Way]] = [(edge, Way()) for edge in roots]
    while waiting:
        edge, above = waiting.pop()
        way = above | {edge.marker} if edge.marker else above
        for index in _meant(edge, by_name.get(edge.name, ()), releases):
            for extra in (None, *sorted(edge.extras)):
                new = _added(found.setdefault((index, extra), set()), way)
                if new is not None:
                    waiting += [(each, new) for each in _needs(releases[index], extra)]
    ways: dict[int, set[Way]] = {}
    for (index, _), each in found.items():
        ways.setdefault(index, set()).update(each)
    return {index: _marker(each) for index, each in sorted(ways.items())}


def _meant(edge: Edge, indexes: Sequence[int], releases: Sequence[Release]) -> Sequence[int]:
    fitting = [
        index
        for index in indexes
        if edge.accepts(releases[index].version)
        and (releases[index].extra is None or releases[index].extra in edge.extras)
    ]
    return fitting or indexes


def _needs(release: Release, extra: str | None) -> tuple[Edge, ...]:
    return release.needs if extra is None else release.extras.get(extra, ())


def _added(ways: set[Way], way: Way) -> Way | None:
    """Add *way* to *ways*; return what is to be followed on, or `None` when it says nothing new."""
    if any(other <= way for other in ways):
        return None
    if len(ways) >= _MOST_WAYS:
        way = Way()
    ways.difference_update([other for other in ways if way <= other])
    ways.add(way)
    return way


def _marker(ways: Iterable[Way]) -> str | None:
    minimal = set[Way]()
    for way in sorted(ways, key=lambda each: (len(each), sorted(each))):
        _added(minimal, way)
    return markers.either(markers.both(*sorted(way)) for way in sorted(minimal, key=sorted))
