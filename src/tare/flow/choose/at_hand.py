"""What of a lock lies on this machine: wheels that were fetched, and what sources were built to."""

from __future__ import annotations

from collections.abc import Iterable

from tare.errors import TareError
from tare.flow.build.distributions import Acquired, BuiltWheel, acquire, built_before, digest_of, is_there
from tare.flow.build.provenance import direct_url
from tare.flow.world import World
from tare.projects.locked import Locked, LockedArchive, LockedDirectory, LockedSdist, LockedWheel
from tare.wheels.scheme import Provenance
from tare.wheels.target import Target
from tare.wheels.wheel import open_wheel


def at_hand(world: World, distributions: Iterable[Locked], target: Target) -> tuple[str, ...]:
    """Return what of *distributions* need not be fetched, and the digests of what was built of others."""
    found: list[str] = []
    for each in distributions:
        if isinstance(each, LockedWheel):
            found += [each.filename] if is_there(world.cache.path(digest_of(each)), each.size) else []
        elif isinstance(each, LockedSdist | LockedArchive):
            built = _built(world, each, target)
            found += [built.digest] if built is not None else []
    return tuple(found)


def ready(world: World, locked: Locked, target: Target, names: frozenset[str]) -> Acquired | None:
    """Return the wheel that a source is, as far as that takes nothing but this machine: trees of it, and what was
    built before. *names* are the distributions that the project names itself.
    """
    try:
        if isinstance(locked, LockedDirectory):
            return acquire(world, [locked], target, requested=names)[0]
        built = _built(world, locked, target) if isinstance(locked, LockedSdist | LockedArchive) else None
        if built is None:
            return None
        path = world.cache.path(built.digest)
        return Acquired(
            wheel=open_wheel(path, built.filename, built.digest),
            provenance=Provenance(requested=locked.name in names, direct_url=direct_url(locked)),
            built=True,
            size=path.stat().st_size,
        )
    except TareError:
        return None


def _built(world: World, locked: LockedSdist | LockedArchive, target: Target) -> BuiltWheel | None:
    below = getattr(locked, "subdirectory", None)
    return built_before(world, f"{digest_of(locked)} {below or ''}", target)
