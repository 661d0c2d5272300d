"""The nearest version of a distribution that has a wheel for a target: asked of the index that it is from."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from tare.errors import TareError
from tare.flow.world import World
from tare.projects.locked import Impossible, Locked
from tare.projects.locks import indexes
from tare.projects.project import Project
from tare.wheels.target import Target

MAX_PAGE: Final = 32 * 1024 * 1024
"""Bytes of an index's page of one project."""

_file = re.compile(r"[\w.+!%-]+\.whl")
_yanked = re.compile(r"<a\s[^>]*\bdata-yanked\b[^>]*>", re.IGNORECASE)


def remedy(world: World, project: Project, locked: Locked | Impossible, target: Target) -> str:
    """Return a sentence about the version nearest to *locked* that *target* has a wheel of; empty if nobody can tell."""
    name, version, index = locked.name, getattr(locked, "version", None), getattr(locked, "index", None)
    if world.offline or version is None:
        return ""
    try:
        index = index or _index(world, project, f"{name}=={version}", target)
        if index is None:
            return ""
        page = world.fetcher.get(f"{index.rstrip('/')}/{name}/", limit=MAX_PAGE).decode("utf-8", "replace")
        wanted = Version(version)
    except (TareError, InvalidVersion):
        return ""
    found = nearest(page, wanted, target)
    return f"{name} {found} has a wheel" if found is not None else "no version of it has a wheel for that"


def _index(world: World, project: Project, requirement: str, target: Target) -> str | None:
    """Return the index of what the lock has from somewhere: only a `uv.lock` and a `pylock.toml` say where from."""
    options = indexes.lines(indexes.of_project(project, world.uv.env))
    series = "{}.{}".format(*target.series)
    return world.uv.index_of(requirement, directory=project.root, python=series, options=options)


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
