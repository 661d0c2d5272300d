"""The plan of an image: the same steps as a build, up to where bytes would be written."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tare.flow.bases import named as bases
from tare.flow.build.damage import healed
from tare.flow.build.dependencies import plan_dependencies
from tare.flow.build.distributions import digest_of
from tare.flow.build.entrypoints import find_entrypoint, with_entrypoint
from tare.flow.build.prepared import prepared_of
from tare.flow.build.project_layer import plan_project
from tare.flow.build.users import check_user
from tare.flow.request import Request
from tare.flow.world import World
from tare.plan.plan import Dropped, Plan, PlannedLayer
from tare.plan.run_config import run_config
from tare.projects.locked import Locked, LockedDirectory, LockedVcs
from tare.projects.project import Project
from tare.projects.resolve import locked


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """Files that are fetched."""

    files: int
    size: int
    """Bytes, of those whose size is known."""

    unknown: int
    """How many have no known size: a source in a repository, or a file whose lock does not say it."""


class PlannedImage(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, and what is known of the base below it."""

    plan: Plan

    base_layers: tuple[tuple[str, int, int], ...]
    """Digest, compressed and unpacked bytes of each layer of the base."""

    slim: str | None
    dropped: tuple[Dropped, ...]
    shortened: tuple[Dropped, ...]
    """What the image does without, and what loses its end."""

    entrypoint_reason: str

    download: Download
    """What is fetched for the project on a machine that has nothing of it."""


def make_plan(world: World, project: Project, request: Request) -> PlannedImage:
    """Return what `build` would make of *project*."""
    world.fetch_for(project)
    base = bases.resolve(world, request)
    check_user(project, base)
    with world.step("read the lock"):
        selection = locked(
            project, base.facts.target(), world.resolver(request.pull), extras=request.extras, groups=request.groups
        )
    planned = healed(world, selection.locked, lambda: plan_dependencies(world, project, request, base, selection))
    prepared = prepared_of(planned, (), selection)
    part = plan_project(world, project, prepared)
    found = find_entrypoint(world, project, prepared, part)
    notes = (found.warning,) if found.warning else ()
    image = planned.base.image
    return PlannedImage(
        plan=Plan(
            platform=image.platform,
            base=request.base,
            base_digest=image.digest,
            layers=(*planned.layers, *_bytecode(request), part.layer),
            run=run_config(image.config.config, with_entrypoint(project, found)),
            notes=(*prepared.warnings, *part.notes, *part.warnings, *notes),
        ),
        base_layers=tuple(
            (layer.descriptor.digest, layer.descriptor.size, layer.unpacked) for layer in prepared.base_layers
        ),
        slim=request.slim,
        dropped=prepared.dropped,
        shortened=prepared.shortened,
        entrypoint_reason=found.reason,
        download=_download(world, selection.locked),
    )


def _bytecode(request: Request) -> tuple[PlannedLayer, ...]:
    """Return the layer of bytecode. Its files are known once the image's interpreter has made them."""
    if request.bytecode == "none":
        return ()
    from tare.flow.build.bytecode.step import WHY, mode_of

    why = f"{WHY[mode_of(request.bytecode)]}; which modules these are is known when it is built"
    return (PlannedLayer(kind="bytecode", why=why),)


def _download(world: World, locked: Sequence[Locked]) -> Download:
    """Return what the files of *locked* weigh: as their lock says, or as they lie in the cache now."""
    fetched = [each for each in locked if not isinstance(each, LockedDirectory)]
    sizes = [_size(world, each) for each in fetched]
    known = [size for size in sizes if size is not None]
    return Download(files=len(fetched), size=sum(known), unknown=len(fetched) - len(known))


def _size(world: World, locked: Locked) -> int | None:
    if isinstance(locked, LockedDirectory | LockedVcs):
        return None
    if locked.size is not None:
        return locked.size
    try:
        return world.cache.path(digest_of(locked)).stat().st_size
    except OSError:
        return None
