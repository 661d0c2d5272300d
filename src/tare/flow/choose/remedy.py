"""The nearest version of a distribution that has a wheel for a target: asked of the index that the lock names."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from tare.errors import TareError
from tare.flow.world import World
from tare.wheels.target import Target

MAX_PAGE: Final = 32 * 1024 * 1024
"""Bytes of an index's page of one project."""

_file = re.compile(r"[\w.+!%-]+\.whl")
_yanked = re.compile(r"<a\s[^>]*\bdata-yanked\b[^>]*>", re.IGNORECASE)


def remedy(world: World, name: str, version: str, index: str | None, target: Target) -> str:
    """Return a sentence about the version nearest to *version* that *target* has a wheel of; empty if nobody can tell."""
    if index is None or world.offline:
        return ""
    try:
        page = world.fetcher.get(f"{index.rstrip('/')}/{name}/", limit=MAX_PAGE).decode("utf-8", "replace")
        wanted = Version(version)
    except (TareError, InvalidVersion):
        return ""
    found = nearest(page, wanted, target)
    return f"{name} {found} has a wheel" if found is not None else "no version of it has a wheel for that"


def nearest(page: str, wanted: Version, target: Target) -> Version | None:
    """Return the version nearest to *wanted* of the wheels that *page* names: the next newer one, or else the last older.

    What was yanked is no remedy: https://peps.python.org/pep-0592/.
    """
    tags = set(target.tags)
    fitting = set()
    yanked = {unquote(match) for anchor in _yanked.findall(page) for match in _file.findall(anchor)}
    for filename in {unquote(match) for match in _file.findall(page)} - yanked:
        try:
            _, version, _, offered = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            continue
        if offered & tags and (not version.is_prerelease or wanted.is_prerelease):
            fitting.add(version)
    newer = [version for version in fitting if version > wanted]
    return min(newer) if newer else max(fitting, default=None)
