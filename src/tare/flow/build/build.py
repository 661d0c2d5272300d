"""A project becomes an image. What a changed line does not touch is remembered as a whole, by all that it follows from."""

from __future__ import annotations

import msgspec

from tare.build.layers import Outcome, Writing, write_layers
from tare.flow.build.bytecode.result import Bytecode
from tare.flow.build.entrypoints import find_entrypoint, with_entrypoint
from tare.flow.build.image import finish
from tare.flow.build.prepared import Prepared, ReadyLayer, ready
from tare.flow.build.preparing import prepare
from tare.flow.build.project_layer import ProjectPart, plan_project
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.image import Image
from tare.plan.run_config import run_config
from tare.projects.project import Project


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """An image, and what can be told about it."""

    image: Image
    prepared: Prepared
    own: ReadyLayer
    """The project's layer."""

    reused: int
    """How many of the new layers were there before."""

    slim: str | None
    """How much of what no container needs was left out."""

    bytecode: Bytecode | None
    """What was compiled."""

    entrypoint_reason: str
    notes: tuple[str, ...]
    """How it came to be, where that is not the usual way."""

    warnings: tuple[str, ...]

    @property
    def layers(self) -> tuple[ReadyLayer, ...]:
        """All layers, bottom first."""
        return (*self.prepared.base_layers, *self.prepared.layers, self.own)


def build(world: World, project: Project, request: Request) -> Built:
    """Return the image of *project* that *request* asks for, with every layer in the cache."""
    world.fetch_for(project)
    prepared, base, reused = prepare(world, project, request)
    with world.step("the project"):
        part = plan_project(world, project, prepared)
        outcome = _write_own(world, part, request)
    own = ready(outcome.layer, kind="project", why=part.layer.why, distributions=part.layer.distributions)
    found = find_entrypoint(world, project, prepared, part)
    config = with_entrypoint(project, found)
    run = run_config(prepared.config.config, config)
    bytecode = None
    if request.bytecode != "none":
        from tare.flow.build.bytecode.names import imported
        from tare.flow.build.bytecode.step import Below, make_bytecode

        names = imported(project, (*(run.entrypoint or ()), *(run.cmd or ())), world.memo_directory)
        bytecode, known = make_bytecode(world, request, Below(prepared, base, run, names))
        if bytecode.layer is not None:
            prepared = msgspec.structs.replace(prepared, layers=(*prepared.layers, bytecode.layer))
            reused += known
    image = finish(
        prepared,
        base,
        own,
        run,
        project=project,
        world=world,
    )
    return Built(
        image=image,
        prepared=prepared,
        own=own,
        reused=reused + outcome.reused,
        slim=request.slim,
        bytecode=bytecode,
        entrypoint_reason=found.reason,
        notes=part.notes,
        warnings=(*prepared.warnings, *part.warnings, *((found.warning,) if found.warning else ())),
    )


def _write_own(world: World, part: ProjectPart, request: Request) -> Outcome:
    """Write the project's layer. Its wheel was made here, so it is compressed by the pinned coder."""
    writing = Writing(mtime=world.epoch, single_member=request.single_member, recoded=frozenset(part.wheels))
    return write_layers(world.cache, [part.layer], part.wheels, writing)[0]
