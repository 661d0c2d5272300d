"""What an answer depends on that nobody named: the manifests of source trees, and directories of distributions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tare.projects.project import Project

_MANIFESTS: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
"""The files that say what a source tree needs: those that uv looks at, and what setuptools' `dynamic` mostly names.
https://docs.astral.sh/uv/concepts/cache/#dynamic-metadata"""


def in_lock(document: Mapping[str, Any], directory: str) -> tuple[str, ...]:
    """Return the absolute paths of the manifests, there or not, of every source tree in a `pylock.toml`."""
    trees = (package.get("directory", {}) for package in document.get("packages", ()))
    return of_trees((tree["path"] for tree in trees if isinstance(tree.get("path"), str)), directory)


def of_trees(paths: Iterable[str], directory: str) -> tuple[str, ...]:
    """Return the same for source trees at *paths*, which start from *directory*."""
    places = sorted({os.path.normpath(os.path.join(directory, path)) for path in paths})
    return tuple(os.path.join(place, name) for place in places for name in _MANIFESTS)


def of_backend(root: str, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the absolute paths of what a build backend reads dependencies from, there or not, where `[project]` of the
    `pyproject.toml` that is *document* does not say all of them.
    """
    project = document.get("project")
    dynamic = project.get("dynamic", ()) if isinstance(project, dict) else _DYNAMIC
    if _DYNAMIC.isdisjoint(dynamic):
        return ()
    names = (*_MANIFESTS, *_named(document))
    return tuple(dict.fromkeys(os.path.normpath(os.path.join(root, name)) for name in names))


_DYNAMIC: Final = frozenset({"dependencies", "optional-dependencies"})


def _named(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that `[tool.setuptools.dynamic]` names.

    https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata
    """
    table = document.get("tool", {})
    for key in ("setuptools", "dynamic"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    waiting = [table.get(key) for key in sorted(_DYNAMIC)] if isinstance(table, dict) else []
    while waiting:
        value = waiting.pop()
        files = value.get("file") if isinstance(value, dict) else None
        if files is None and isinstance(value, dict):
            waiting += value.values()
        yield from (each for each in (files if isinstance(files, list) else [files]) if isinstance(each, str))


def pages(project: Project, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the directories of distributions that *project* names itself."""
    from tare.projects.locks import indexes

    named = (each.url for each in indexes.of_project(project, environment) if each.is_page)
    local = (url.removeprefix("file://") for url in named if "://" not in url or url.startswith("file://"))
    return tuple(sorted({os.path.normpath(os.path.join(project.root, path)) for path in local}))


def listing(place: str) -> str:
    """Return what lies in a directory of distributions, so that every change of it shows.

    A file that is replaced by one of its size has another number or another time of change; that time is the system's
    own, which nothing but the change of a file can make.
    """
    try:
        with os.scandir(place) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
    except OSError:
        return ""
    return "\n".join(
        f"{name} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        for name, status in sorted(found)
    )
