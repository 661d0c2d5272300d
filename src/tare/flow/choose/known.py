"""What the libraries of locked wheels need, all of them: as this machine remembers it, or as it is read for whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tare import threads
from tare.flow.build.distributions import digest_of, fetch, is_there
from tare.flow.choose.looked import heads_of, look_at, recalled
from tare.flow.world import World
from tare.projects.locked import LockedWheel
from tare.wheels.heads import Heads

LARGEST: Final = 160_000_000
"""Bytes of a wheel that is downloaded to read what ranges of it do not tell."""

_AT_ONCE: Final = 4


def remembered(world: World, wheels: Iterable[LockedWheel]) -> dict[str, Heads]:
    """Return by file name what is remembered of those of *wheels* whose libraries were all read."""
    found = ((wheel.filename, recalled(world, wheel)) for wheel in wheels)
    return {name: heads for name, heads in found if heads is not None and not heads.unread}


def read_heads(world: World, wheels: Sequence[LockedWheel], *, ask: bool) -> dict[str, Heads]:
    """Return the same after reading *wheels*: those that are here and, when they may be asked for, the others.

    Ranges tell it of most; one that keeps something secret is downloaded, unless it is too large.
    """
    wheels = [each for each in wheels if ask or _is_here(world, each)]
    looked = {name: each.heads for name, each in look_at(world, wheels).items()}
    secret = [each for each in wheels if looked[each.filename].unread and (each.size or 0) <= LARGEST]
    if secret:
        with world.step("fetch wheels"), threads.pool(_AT_ONCE) as pool:
            whole = pool.map(lambda wheel: _whole(world, wheel), secret)
            looked |= {wheel.filename: heads for wheel, heads in zip(secret, whole, strict=True)}
    return {name: heads for name, heads in looked.items() if not heads.unread}


def _is_here(world: World, locked: LockedWheel) -> bool:
    return locked.path is not None or is_there(world.cache.path(digest_of(locked)), locked.size)


def _whole(world: World, locked: LockedWheel) -> Heads:
    path = world.cache.path(digest_of(locked))
    fetch(world, locked, digest_of(locked), path)
    return heads_of(world, locked, path)
