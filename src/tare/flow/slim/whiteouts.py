"""Whiteouts that hide nothing: what they removed has left the layers below, too.

https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

_OPAQUE: Final = ".wh..wh..opq"
_WHITEOUT: Final = ".wh."

Noted = tuple[str, str, str]
"""Path and kind of an entry, and the target of a link, as written."""


def idle_whiteouts(layers: Sequence[Iterable[Noted]], going: Mapping[int, Container[int]]) -> dict[int, frozenset[str]]:
    """Return the whiteouts that go, by the number of their layer, for what is in each layer, bottom first.

    *going* are the numbers of files that leave their layer, among its files. A whiteout stays where something of its
    name, or below that, is in a lower layer, if only a directory, and where a link on its way could lead elsewhere.
    """
    there: set[str] = set()
    links: set[str] = set()
    found: dict[int, frozenset[str]] = {}
    for number, entries in enumerate(layers):
        idle = []
        staying = []
        for path, written, kind in _staying(entries, going.get(number, ())):
            parent, _, name = path.rpartition("/")
            if not name.startswith(_WHITEOUT):
                staying.append(path)
                if kind == "symlink":
                    links.add(path)
                continue
            hidden = parent if name == _OPAQUE else f"{parent}/{name.removeprefix(_WHITEOUT)}".lstrip("/")
            if hidden and hidden not in there and links.isdisjoint(_ways(hidden)):
                idle.append(written)
        for path in staying:
            there |= _ways(path)
        if idle:
            found[number] = frozenset(idle)
    return found


def links_to_below(layers: Iterable[Iterable[Noted]]) -> frozenset[str]:
    """Return what hard links lead to that lies in a layer below them: it has to stay where it is.

    >>> sorted(links_to_below([[("a", "file", ""), ("b", "hardlink", "a")], [("c", "hardlink", "./b")]]))
    ['b']
    """
    found: set[str] = set()
    for entries in layers:
        here: set[str] = set()
        for written, kind, target in entries:
            if kind == "hardlink" and _plain(target) not in here:
                found.add(_plain(target))
            here.add(_plain(written))
    return frozenset(found)


def _staying(entries: Iterable[Noted], going: Container[int]) -> Iterator[tuple[str, str, str]]:
    """Yield path, path as written, and kind of what stays in a layer: a hard link goes with its file."""
    gone: set[str] = set()
    number = -1
    for written, kind, target in entries:
        path = _plain(written)
        counted = kind == "file" and bool(path) and not path.rpartition("/")[2].startswith(_WHITEOUT)
        number += counted
        if (counted and number in going) or (kind == "hardlink" and _plain(target) in gone):
            gone.add(path)
        else:
            gone.discard(path)
            yield path, written, kind


def _plain(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _ways(path: str) -> set[str]:
    """Return *path* and the directories that it lies in."""
    ways = {path}
    while "/" in path:
        path = path.rpartition("/")[0]
        ways.add(path)
    return ways
