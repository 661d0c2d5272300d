"""The project's own code as the last layer: its wheel, or its sources where it has no build system."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from tare.errors import ProjectError
from tare.flow.world import World
from tare.oci.digest import Digest, sha256
from tare.oci.ground import Ground
from tare.plan.claims import Claim, hidden, replaced
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer, Segment
from tare.plan.run_config import WORKDIR
from tare.projects.project import Project
from tare.projects.sources import SourceFile, collect
from tare.wheels.scheme import Provenance, Scheme
from tare.wheels.target import Target

if TYPE_CHECKING:
    from tare.wheels.wheel import Wheel


class Placing(Protocol):
    """Where the project's files go, and what decides which wheel it may become."""

    @property
    def scheme(self) -> Scheme: ...

    @property
    def target(self) -> Target: ...

    @property
    def ground(self) -> Ground: ...

    @property
    def claims(self) -> dict[str, Claim]: ...


class ProjectPart(msgspec.Struct, frozen=True, kw_only=True):
    """The last layer, planned."""

    layer: PlannedLayer
    wheels: Mapping[Digest, Wheel]
    digests: tuple[tuple[str, Digest], ...]
    """The project's files on this machine, with the digests of their contents."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_project(world: World, project: Project, prepared: Placing) -> ProjectPart:
    """Return the layer of *project* on *prepared*."""
    files = collect(project, memo_directory=world.memo_directory)
    digests = {file.path: _digest(project.root, file) for file in files}
    workdir = (project.config.workdir or WORKDIR).strip("/")
    if project.has_build_system:
        return _wheel(world, project, prepared, digests, workdir)
    layer = _sources(project, files, digests, workdir).on(prepared.ground)
    _refuse_twice(layer)
    _refuse_own(prepared, [file.path for file in layer.files], project.name or project.root)
    return ProjectPart(
        layer=layer,
        wheels={},
        digests=tuple(digests.items()),
        warnings=tuple(hidden(layer.files, workdir, prepared.claims, prepared.scheme)),
    )


def _wheel(world: World, project: Project, prepared: Placing, digests: dict[str, Digest], workdir: str) -> ProjectPart:
    """Return the layer of a project that is built."""
    from tare.flow.build.project_wheel import project_wheel
    from tare.wheels.install import install

    wheel, notes = project_wheel(world, project, prepared.target)
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
    _refuse_own(prepared, [file.path for file in segment.files], wheel.filename)
    layer = PlannedLayer(
        kind="project",
        why="the project itself, which changes most often",
        segments=(segment,),
        directories=(workdir,) if workdir else (),
    ).on(prepared.ground)
    return ProjectPart(
        layer=layer,
        wheels={wheel.digest: wheel},
        digests=tuple(digests.items()),
        notes=notes,
        warnings=tuple(replaced(segment, prepared.claims)),
    )


def _sources(
    project: Project, files: Sequence[SourceFile], digests: Mapping[str, Digest], workdir: str
) -> PlannedLayer:
    """Return the layer of a project that is not built: its files in `workdir`."""
    planned = tuple(_planned(project.root, file, digests[file.path], workdir) for file in files)
    return PlannedLayer(
        kind="project",
        why="the project's own files, which change most often",
        files=planned,
        directories=(workdir,) if workdir else (),
    )


def _refuse_twice(layer: PlannedLayer) -> None:
    """Refuse two files that a link of the base puts at one path."""
    places: dict[str, str] = {}
    for file in layer.files if layer.ground.links else ():
        place = layer.ground.place(file.path)
        if place in places:
            raise ProjectError(
                "two of the project's files would be one in the image",
                causes=(f"the base's links put `/{places[place]}` and `/{file.path}` at `/{place}`",),
                hints=("Leave one out with `exclude`, or choose another `workdir`",),
            )
        places[place] = file.path


def _refuse_own(prepared: Placing, paths: Sequence[str], what: str) -> None:
    """Refuse files that would take the place of the virtual environment's own."""
    scheme = prepared.scheme
    own = {f"{scheme.scripts}/{name}" for name in ("python", "python3", scheme.python)} | {
        f"{scheme.prefix}/pyvenv.cfg"
    }
    for path in paths:
        if path in own:
            raise ProjectError(
                f"`{what}` cannot be in the image",
                causes=(f"it has `/{path}`, which belongs to the environment itself",),
            )


def _planned(root: str, file: SourceFile, digest: Digest, workdir: str) -> PlannedFile:
    path = f"{workdir}/{file.path}" if workdir else file.path
    if file.link is not None:
        return PlannedFile(path, 0o777, 0, Link(file.link))
    return PlannedFile(path, file.mode, file.size, HostFile(f"{root}/{file.path}", digest))


def _digest(root: str, file: SourceFile) -> Digest:
    if file.link is not None:
        return sha256(file.link.encode())
    with open(f"{root}/{file.path}", "rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
