"""The project's own code as the last layer: its wheel, or its sources where it has no build system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from tare.flow.prepared import Prepared
from tare.flow.world import World
from tare.oci.digest import Digest, sha256
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer, Segment
from tare.plan.run_config import WORKDIR
from tare.projects.project import Project
from tare.projects.sources import SourceFile, collect
from tare.wheels.scheme import Provenance

if TYPE_CHECKING:
    from tare.wheels.wheel import Wheel


class ProjectPart(msgspec.Struct, frozen=True, kw_only=True):
    """The last layer, planned."""

    layer: PlannedLayer
    wheels: Mapping[Digest, Wheel]
    files: tuple[SourceFile, ...]
    """The project's files as they lie on this machine."""

    notes: tuple[str, ...] = ()


def plan_project(world: World, project: Project, prepared: Prepared) -> ProjectPart:
    """Return the layer of *project* on *prepared*."""
    files = collect(project)
    workdir = (project.config.workdir or WORKDIR).strip("/")
    if not project.has_build_system:
        return ProjectPart(layer=_sources(project, files, workdir), wheels={}, files=files)
    return _wheel(world, project, prepared, files, workdir)


def _wheel(
    world: World, project: Project, prepared: Prepared, files: tuple[SourceFile, ...], workdir: str
) -> ProjectPart:
    """Return the layer of a project that is built."""
    from tare.flow.project_wheel import project_wheel
    from tare.wheels.install import install

    wheel, notes = project_wheel(world, project, files)
    provenance = Provenance(requested=True, direct_url=b'{"dir_info":{},"url":"file:///"}')
    segment = Segment(
        name=wheel.name,
        version=wheel.version,
        filename=wheel.filename,
        wheel=wheel.digest,
        scheme=prepared.scheme,
        provenance=provenance,
        files=install(wheel, prepared.scheme, provenance),
    )
    layer = PlannedLayer(
        kind="project",
        why="the project itself, which changes most often",
        segments=(segment,),
        directories=(workdir,) if workdir else (),
    )
    return ProjectPart(layer=layer, wheels={wheel.digest: wheel}, files=files, notes=notes)


def _sources(project: Project, files: Sequence[SourceFile], workdir: str) -> PlannedLayer:
    """Return the layer of a project that is not built: its files in `workdir`."""
    return PlannedLayer(
        kind="project",
        why="the project's own files, which change most often",
        files=tuple(_planned(project.root, file, workdir) for file in files),
        directories=(workdir,) if workdir else (),
    )


def _planned(root: str, file: SourceFile, workdir: str) -> PlannedFile:
    path = f"{workdir}/{file.path}" if workdir else file.path
    if file.link is not None:
        return PlannedFile(path, 0o777, 0, Link(file.link))
    place = f"{root}/{file.path}"
    with open(place, "rb") as content:
        data = content.read()
    return PlannedFile(path, file.mode, len(data), HostFile(place, sha256(data)))
