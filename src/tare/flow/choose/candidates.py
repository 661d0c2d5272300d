"""Which bases are compared when nobody names them: those of the catalogue that the project may run on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from tare.bases.catalogue.catalogue import Catalogue, catalogue
from tare.bases.catalogue.known import KnownBase
from tare.bases.catalogue.rows import Series
from tare.bases.catalogue.support import ended
from tare.errors import TargetError
from tare.flow.bases.named import moment
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.platform import Platform
from tare.projects.project import Project
from tare.projects.selection import specifier

SERIES = 2
"""How many series of CPython are compared when none is named."""


def candidates(world: World, project: Project, template: Request, *, everything: bool = False) -> tuple[Request, ...]:
    """Return a request like *template* for each base that is worth a look.

    That is, for the newest maintained series that *project* accepts, or for the one that was asked for: the official
    image in its three kinds, and every other base that has the series. With *everything*, all that the catalogue has.
    """
    table = catalogue()
    series = _series(world, table, project, template.python)
    wanted = series if everything or template.python else series[:SERIES]
    names = [
        base.name
        for row in wanted
        for base in table.bases(series=row.name)
        if base.kind != "windows" and (everything or _is_usual(table, base))
    ]
    if everything:
        names += [base.name for base in table.bases() if base.python is None]
    if not names:
        raise _none(project, template.python, table)
    return tuple(msgspec.structs.replace(template, base=name) for name in dict.fromkeys(names))


def spread(requests: Iterable[Request], platforms: Sequence[Platform]) -> tuple[Request, ...]:
    """Return *requests* for each of *platforms*."""
    return tuple(msgspec.structs.replace(request, platform=platform) for request in requests for platform in platforms)


def _series(world: World, table: Catalogue, project: Project, python: str | None) -> list[Series]:
    """Return the series that the project accepts, the newest first; an old one only when it is asked for."""
    today = moment(world.now()).date()
    accepted = specifier(project.requires_python or "")
    asked = ".".join(python.split(".")[:2]) if python and not python.startswith("/") else None
    found = []
    for row in table.series:
        if asked is not None and row.name != asked:
            continue
        if asked is None and (row.version is None or row.prerelease or ended(row.eol, today)):
            continue
        if any(accepted.contains(f"{row.name}.{patch}") for patch in range(100)):
            found.append(row)
    return sorted(found, key=lambda row: [int(part) for part in row.name.split(".")], reverse=True)


def _is_usual(table: Catalogue, base: KnownBase) -> bool:
    """Whether a base is one of those that `python:3.13`, `-slim` and `-alpine` stand for, or no official image."""
    variant = base.name.partition("-")[2] if base.name.startswith("python:") else None
    return variant in {None, table.official.full, table.official.slim, table.official.alpine}


def _none(project: Project, python: str | None, table: Catalogue) -> TargetError:
    stated = f'`requires-python = "{project.requires_python}"`' if project.requires_python else ""
    asked = f"`--python {python}`" if python else ""
    names = ", ".join(row.name for row in table.series if row.version)
    return TargetError(
        "no base that tare knows has an interpreter for the project",
        causes=(f"{' and '.join(filter(None, (asked, stated)))}; the catalogue has CPython {names}",),
        hints=("Name a base with `--base`",),
    )
