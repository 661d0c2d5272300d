"""The base of a project that names none: the newest suite of Debian whose CPython the project accepts."""

from __future__ import annotations

import msgspec

from tare import __version__
from tare.errors import TargetError
from tare.flow.world import World
from tare.projects.project import Project
from tare.stores.cache import key_of


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    requires_python: str | None
    python: str | None


def default_base(world: World, project: Project, python: str | None) -> str:
    """Return `deb:SUITE` for *project*, or for the series *python* when a person asked for one, and not for a path."""
    if python is not None and python.startswith("/"):
        python = None
    key = key_of(_Key(version=__version__, requires_python=project.requires_python, python=python))
    known = world.cache.recall("default-base", key, str)
    if known is not None:
        return known
    found = _find(project, python)
    world.cache.remember("default-base", key, msgspec.json.encode(found))
    return found


def _find(project: Project, python: str | None) -> str:
    from tare.bases.debian.tables import tables
    from tare.projects.selection import specifier

    suites = sorted(tables().suite, key=lambda suite: [int(part) for part in suite.python.split(".")], reverse=True)
    wanted = specifier(project.requires_python or "")
    for suite in suites:
        # A suite keeps one series, and its patch version rises: which one it has is checked against the base itself.
        fits = any(wanted.contains(f"{suite.python}.{patch}") for patch in range(100))
        if fits and (python is None or ".".join(python.split(".")[:2]) == suite.python):
            return f"deb:{suite.codename}"
    offered = ", ".join(f"`deb:{suite.codename}` has CPython {suite.python}" for suite in suites)
    asked = f"`--python {python}`" if python else f'`requires-python = "{project.requires_python}"`'
    raise TargetError(
        "no suite of Debian has an interpreter for the project",
        causes=(f"{asked}; {offered}",),
        hints=("Name another base with `--base`",),
    )
