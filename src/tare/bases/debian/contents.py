"""`Contents`: which package has a file. Searched as it is inflated; 170 MB of text are never in memory.

It is asked for shared libraries that wheels need and that the table in `debian.toml` does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from tare.bases.debian.blobs import Supply
from tare.bases.debian.inflate import inflated
from tare.bases.debian.snapshot import Snapshot, fetch_index
from tare.bases.debian.tables import tables

_LIMIT: Final = 2 * 1024**3
"""Bytes of an index without its compression; trixie's has 170 MB."""
_EMPTY: Final = 64
"""Bytes of a compressed index that names no file."""
_CHUNK: Final = 4 * 1024 * 1024


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """The package of a shared library."""

    soname: str
    package: str

    source: str
    """Who says so: `debian.toml`, or the suite directory whose `Contents` was searched."""


def packages_of(sonames: Iterable[str], snapshot: Snapshot, supply: Supply) -> dict[str, Provider]:
    """Return the packages that have the shared libraries *sonames* where the loader looks. Unknown ones are absent."""
    known = tables()
    found: dict[str, Provider] = {}
    for soname in sorted(set(sonames)):
        package = known.package_of(soname, snapshot.suite)
        if package is not None:
            found[soname] = Provider(soname=soname, package=package, source="debian.toml")
    for pin in snapshot.indexes:
        unknown = set(sonames) - set(found)
        if unknown and pin.contents is not None and pin.contents.size > _EMPTY:
            path = fetch_index(snapshot, pin, pin.contents, supply)
            for soname, packages in search(path, unknown, triplet=known.triplets[snapshot.architecture]).items():
                found[soname] = Provider(soname=soname, package=_best(packages), source=pin.name)
    return found


def search(path: Path, sonames: Iterable[str], *, triplet: str) -> dict[str, set[str]]:
    """Return the packages that `Contents` names for each of *sonames*, as `section/package`."""
    names = b"|".join(re.escape(name.encode("utf-8", "surrogateescape")) for name in sorted(set(sonames)))
    line = re.compile(
        rb"^(?:usr/)?lib/(?:" + re.escape(triplet.encode()) + rb"/)?(" + names + rb")[ \t]+(\S+)$", re.MULTILINE
    )
    found: dict[str, set[str]] = {}
    for text in _blocks(path):
        for name, packages in line.findall(text):
            soname = name.decode("utf-8", "surrogateescape")
            found.setdefault(soname, set()).update(packages.decode("ascii", "replace").split(","))
    return found


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the text in pieces of whole lines."""
    rest = b""
    with path.open("rb") as file:
        stream = inflated(file, "gzip", limit=_LIMIT, what=f"`{path.name}`")
        while block := stream.read(_CHUNK):
            head, newline, tail = block.rpartition(b"\n")
            if newline:
                yield rest + head + newline
                rest = tail
            else:
                rest += tail
    yield rest


def _best(packages: set[str]) -> str:
    """Return the package whose job it is: one of a section of libraries, then the one with the shortest name."""
    names = ((item.rpartition("/")[0].rpartition("/")[2], item.rpartition("/")[2]) for item in packages)
    ranked = sorted((section not in {"libs", "oldlibs"}, len(name), name) for section, name in names)
    return ranked[0][2]
