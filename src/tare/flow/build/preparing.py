"""Base and dependencies, planned and written: remembered as a whole, by all that they follow from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from tare import __version__
from tare.build.keys import FORMAT
from tare.build.layers import Outcome, Writing, write_layers
from tare.flow.bases import named as bases
from tare.flow.bases.named import Base
from tare.flow.build.prepared import Prepared, prepared_of, ready
from tare.flow.build.source_trees import directories
from tare.flow.build.users import check_user
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.compression import CODER
from tare.oci.digest import Digest
from tare.oci.image import Blob
from tare.projects.locked import LockedWheel
from tare.projects.project import Project, digest
from tare.projects.resolve import Selection, locked
from tare.stores.cache import key_of

if TYPE_CHECKING:
    from tare.flow.build.dependencies import Dependencies


class _PreparedKey(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that base and dependencies follow from."""

    format: int
    version: str
    coder: str
    base: Digest
    requested: tuple[str, ...]
    """What the project itself asks for: its distributions are marked as such."""

    asked: tuple[str | None, ...]
    """The digests of the files that say it where the manifest does not."""

    selection: Selection
    directories: tuple[str, ...]
    """What lies in the directories that the selection names."""

    request: Request
    slim: Digest | None
    """Of the rules that decide what a slim image does without."""

    named: tuple[str, ...]
    """What the project imports that looks like tests, and stays in a slim image."""

    epoch: int


def prepare(world: World, project: Project, request: Request) -> tuple[Prepared, Sequence[Blob], int]:
    """Return base and dependencies, the base's blobs, and how many of the dependencies' layers were there before."""
    base = bases.resolve(world, request)
    check_user(project, base)
    with world.step("read the lock"):
        selection = locked(
            project, base.facts.target(), world.resolver(request.pull), extras=request.extras, groups=request.groups
        )
    key = _prepared_key(world, project, request, base, selection)
    # `--pull` asks anew for what wheels made an assembled base have besides, too.
    known = None if request.pull else world.cache.recall("prepared", key, Prepared)
    if known is not None:
        blobs = _base_blobs(world, known, base)
        if blobs is not None and all(world.cache.find(layer.descriptor) for layer in known.layers):
            return known, blobs, len(known.layers)
    from tare.flow.build.damage import healed

    prepared, blobs, reused = healed(world, selection.locked, lambda: _fresh(world, project, request, base, selection))
    world.cache.remember("prepared", key, msgspec.json.encode(prepared))
    return prepared, blobs, reused


def _prepared_key(world: World, project: Project, request: Request, base: Base, selection: Selection) -> Digest:
    """Return what base and dependencies are remembered by."""
    return key_of(
        _PreparedKey(
            format=FORMAT,
            version=__version__,
            coder=CODER,
            base=base.image.digest,
            requested=project.dependencies,
            asked=_asked(project, selection),
            selection=selection,
            directories=directories(selection.locked, world.environment),
            request=msgspec.structs.replace(request, pull=False, bytecode="none"),
            slim=_rules(request),
            named=_named(world, project, request),
            epoch=world.epoch,
        )
    )


def _rules(request: Request) -> Digest | None:
    if request.slim is None:
        return None
    from tare.plan.slim import table_digest

    return table_digest()


def _named(world: World, project: Project, request: Request) -> tuple[str, ...]:
    if request.slim is None:
        return ()
    from tare.flow.build.slimming import own_mentions

    return own_mentions(world, project)


def _asked(project: Project, selection: Selection) -> tuple[str | None, ...]:
    if project.lock is None or project.lock.kind != "requirements" or project.dependencies:
        return ()
    stem, _, _ = project.lock.path.rpartition(".")
    return (digest(f"{stem}.in"), None if selection.hashed else digest(project.lock.path))


def _base_blobs(world: World, prepared: Prepared, base: Base) -> Sequence[Blob] | None:
    """Return the base's layers, which are the named base's own, or in the cache when it was assembled with more."""
    if prepared.base.digest == base.image.digest:
        return base.image.layers
    blobs = [world.cache.find(layer.descriptor) for layer in prepared.base_layers]
    return None if None in blobs else [blob for blob in blobs if blob is not None]


def _fresh(
    world: World, project: Project, request: Request, base: Base, selection: Selection
) -> tuple[Prepared, Sequence[Blob], int]:
    """Plan and write base and dependencies."""
    from tare.flow.build.dependencies import plan_dependencies
    from tare.flow.build.distributions import digest_of

    started, before = world.now(), dict(world.seconds)
    there = {
        each.filename
        for each in selection.locked
        if isinstance(each, LockedWheel) and world.cache.path(digest_of(each)).exists()
    }
    planned = plan_dependencies(world, project, request, base, selection)
    with world.step("write layers"):
        outcomes = write_layers(
            world.cache,
            planned.layers,
            planned.wheels,
            Writing(
                mtime=world.epoch,
                single_member=request.single_member,
                recoded=planned.built,
                threads=world.threads,
            ),
        )
    layers = tuple(
        ready(outcome.layer, kind=layer.kind, why=layer.why, distributions=layer.distributions)
        for layer, outcome in zip(planned.layers, outcomes, strict=True)
    )
    prepared = prepared_of(planned, layers, selection)
    _record(world, project, request, planned, outcomes, there=there, started=started, before=before)
    return prepared, planned.base.image.layers, sum(outcome.reused for outcome in outcomes)


def _record(
    world: World,
    project: Project,
    request: Request,
    planned: Dependencies,
    outcomes: Sequence[Outcome],
    *,
    there: set[str],
    started: float,
    before: Mapping[str, float],
) -> None:
    """Note what this took, for the estimates of later builds: what was *there* when it *started* was not fetched."""
    from tare.flow.build import estimate

    fresh = [outcome.layer for outcome in outcomes if not outcome.reused]
    if not fresh:
        return
    taken = {name: seconds - before.get(name, 0.0) for name, seconds in world.seconds.items()}
    wheels = [wheel for wheel in planned.wheels.values() if wheel.filename not in there]
    estimate.add(
        world,
        estimate.Build(
            at=started,
            project=project.name or "",
            base=request.base,
            fetched=sum(wheel.archive.source.size for wheel in wheels if wheel.digest not in planned.built),
            hashed=sum(layer.unpacked + layer.descriptor.size for layer in fresh),
            sources=len(planned.built),
            fetching=taken.get("fetch wheels", 0.0),
            writing=taken.get("write layers", 0.0),
            building=taken.get("build from source", 0.0),
            seconds=world.now() - started,
        ),
    )
