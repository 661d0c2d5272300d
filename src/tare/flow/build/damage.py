"""Files of the cache that a disk has damaged: found where they make no sense, removed, and fetched again.

To read every file before it is used would take longer than the build; RECORD is checked while layers are written anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tare.errors import IntegrityError
from tare.flow.build.distributions import digest_of
from tare.flow.world import World
from tare.projects.locked import Locked, LockedArchive, LockedSdist, LockedWheel

T = TypeVar("T")


def healed(world: World, locked: Iterable[Locked], work: Callable[[], T]) -> T:
    """Do *work* with the files of *locked*. If it fails and some are damaged in the cache, do it once more without them."""
    try:
        return work()
    except IntegrityError:
        damaged = tuple(_removed(world, locked))
        if not damaged:
            raise
        names = ", ".join(f"`{name}`" for name in damaged[:3]) + (" …" if len(damaged) > 3 else "")
        world.reporter.warn(f"the cache had a damaged copy of {names}, which is fetched again")
        return work()


def _removed(world: World, locked: Iterable[Locked]) -> Iterator[str]:
    """Remove the files that are not what their names say, and yield which ones they were."""
    for each in locked:
        if isinstance(each, LockedWheel | LockedSdist | LockedArchive):
            digest = digest_of(each)
            path = world.cache.path(digest)
            if path.is_file() and not world.cache.is_sound(digest):
                path.unlink(missing_ok=True)
                yield each.filename
