"""How long a build will take: what past builds on this machine took, set against what this one has to do.

Each build that fetched, built or wrote something adds a record; the last ones make the speeds. How far estimates were off
is the interval of the next one.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Final

import msgspec

from tare.flow.world import World
from tare.plan.choose import Work
from tare.stores.cache import key_of

KEPT: Final = 200
"""Records; older ones go."""
RECENT: Final = 40
"""Records that speeds are worked out from."""
FEW: Final = 5
"""Below so many comparisons, the interval is from a third to three times the estimate."""

Seconds = tuple[float, float, float]
"""An estimate, and the bounds of its interval."""


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """What one build had to do, and what it took."""

    at: float
    """Seconds since 1970."""
    project: str
    base: str
    fetched: int
    """Bytes of wheels."""
    hashed: int
    """Bytes of layers, uncompressed and compressed."""
    sources: int
    """Distributions that were built."""
    fetching: float
    """Seconds; so are the next three."""
    writing: float
    building: float
    seconds: float
    predicted: Seconds | None = None


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """Past builds, the oldest first."""

    builds: tuple[Build, ...] = ()


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    format: int = 1


class Speeds(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for each byte and each source. None where nothing was measured."""

    fetch: float | None
    hash: float | None
    source: float | None
    rest: float
    """Seconds that every build takes besides."""

    low: float
    high: float
    """What estimates are multiplied by for their interval."""


def records(world: World) -> Records:
    """Return what is kept of past builds."""
    return world.cache.recall("speeds", key_of(_Key()), Records) or Records()


def add(world: World, build: Build) -> None:
    """Keep a build, with what would have been said of it before."""
    before = records(world).builds
    work = Work(fetch=build.fetched, hash=build.hashed, sources=("",) * build.sources)
    build = msgspec.structs.replace(build, predicted=estimate(speeds(before), work))
    kept = Records(builds=(*before, build)[-KEPT:])
    world.cache.remember("speeds", key_of(_Key()), msgspec.json.encode(kept))


def speeds(builds: Iterable[Build]) -> Speeds | None:
    """Return how fast *builds* were; None if there are none."""
    recent = tuple(builds)[-RECENT:]
    if not recent:
        return None
    rest = [max(0.0, each.seconds - each.fetching - each.writing - each.building) for each in recent]
    off = sorted(each.seconds / each.predicted[0] for each in recent if each.predicted and each.predicted[0] > 0)
    few = len(off) < FEW
    return Speeds(
        fetch=_rate((each.fetching, each.fetched) for each in recent),
        hash=_rate((each.writing, each.hashed) for each in recent),
        source=_rate((each.building, each.sources) for each in recent),
        rest=statistics.median(rest),
        low=1 / 3 if few else off[len(off) // 10],
        high=3.0 if few else off[-1 - len(off) // 10],
    )


def _rate(pairs: Iterable[tuple[float, int]]) -> float | None:
    measured = [(seconds, amount) for seconds, amount in pairs if amount > 0]
    total = sum(amount for _, amount in measured)
    return sum(seconds for seconds, _ in measured) / total if total else None


def estimate(speeds: Speeds | None, work: Work) -> Seconds | None:
    """Return how long *work* will take; None if a part of it was never measured, or needs a compiler."""
    if speeds is None or work.native:
        return None
    parts = ((work.fetch, speeds.fetch), (work.hash, speeds.hash), (len(work.sources), speeds.source))
    if any(amount and speed is None for amount, speed in parts):
        return None
    seconds = speeds.rest + sum(amount * (speed or 0.0) for amount, speed in parts)
    return round(seconds, 3), round(seconds * min(speeds.low, 1.0), 3), round(seconds * max(speeds.high, 1.0), 3)
