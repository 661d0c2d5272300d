"""Shared libraries: what a base provides, and the table of those that an image may do without (`libraries.toml`)."""

from __future__ import annotations

import pkgutil
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

import msgspec

from tare.oci.platform import Platform
from tare.wheels.target import Libc


class Libraries(msgspec.Struct, frozen=True, kw_only=True):
    """What a base provides to the loader."""

    platform: Platform
    libc: Libc

    names: tuple[str, ...]
    """The file names of libraries in the loader's directories, sorted."""

    versions: dict[str, tuple[str, ...]] = {}
    """The symbol versions that a library defines, by name, where they are known."""

    extension_suffix: str = ""
    """The interpreter's own (`.cpython-313-x86_64-linux-gnu.so`), or empty for whatever it may be."""


class KnownLibrary(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of libraries whose names match."""

    sonames: tuple[str, ...]
    """Patterns of names, as in DT_NEEDED."""

    kind: Literal["optional", "driver", "loader", "preloaded"]
    """`optional`: the wheel copes without it. `driver`: whoever runs the container brings it. `loader`: every base of
    that C library has it. `preloaded`: the wheel's Python code loads it before, by name, from another wheel."""

    distribution: str = "*"
    """A pattern of normalized names of distributions that the row is about."""

    path: str = "*"
    """A pattern of paths in the wheel of the files that name the library."""

    reason: str
    source: str
    date: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    library: tuple[KnownLibrary, ...]


@cache
def known_libraries() -> tuple[KnownLibrary, ...]:
    """Return the table."""
    import tomllib

    data = pkgutil.get_data(__package__ or "", "libraries.toml")
    return msgspec.convert(tomllib.loads((data or b"").decode()), _Table).library


def find(
    table: tuple[KnownLibrary, ...], *, soname: str, distribution: str, path: str, kinds: frozenset[str]
) -> KnownLibrary | None:
    """Return the first row of one of *kinds* that is about *soname* as that file of that distribution names it."""
    for row in table:
        if (
            row.kind in kinds
            and any(fnmatchcase(soname, pattern) for pattern in row.sonames)
            and fnmatchcase(distribution, row.distribution)
            and fnmatchcase(path, row.path)
        ):
            return row
    return None
