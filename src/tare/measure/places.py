"""What each file of a root file system is for: by its place there (`places.toml`), or as part of a Python installation."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable
from fnmatch import translate
from functools import cache

import msgspec

from tare.wheels.kinds import kinds


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table."""

    kind: str
    paths: tuple[str, ...]
    source: str
    date: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    place: tuple[Place, ...]


@cache
def places() -> tuple[Place, ...]:
    """Return the table."""
    import tomllib

    data = pkgutil.get_data(__package__ or "", "places.toml") or b""
    return msgspec.convert(tomllib.loads(data.decode()), _Table).place


def kinds_of(paths: Iterable[str]) -> dict[str, str]:
    """Return what each of *paths*, which are all files of a root, is for.

    >>> kinds_of(["etc/hosts", "usr/bin/env", "usr/lib/libz.so.1", "app/main.py"])
    {'etc/hosts': 'configuration', 'usr/bin/env': 'program', 'usr/lib/libz.so.1': 'library', 'app/main.py': 'module'}
    """
    every = list(paths)
    pattern, names = _compiled()
    found: dict[str, str] = {}
    for path, kind in kinds(every).items():
        match = pattern.match(path)
        found[path] = kind if match is None or match.lastgroup is None else names[match.lastgroup]
    return found


@cache
def _compiled() -> tuple[re.Pattern[str], dict[str, str]]:
    groups = []
    names = {}
    for number, place in enumerate(places()):
        names[f"p{number}"] = place.kind
        groups.append(f"(?P<p{number}>{'|'.join(map(translate, place.paths))})")
    return re.compile("|".join(groups)), names
