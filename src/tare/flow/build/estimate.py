"""How long a build will take: what past builds on this machine took, set against what this one has to do.

Each build that fetched, built or wrote something adds a record; the last ones make the speeds. How far estimates were off
is the interval of the next one. What takes a fraction of a second says nothing of what takes seconds, so the interval has
two parts: a factor, from builds that took their time, and how much the rest of a build varies.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tare.flow.world import World
from tare.plan.choice.candidate import Work
from tare.stores.cache import key_of

KEPT: Final = 200
"""Records; older ones go."""
RECENT: Final = 40
"""Records that speeds are worked out from."""
LONG: Final = 0.5
"""Seconds. Below, a build is what starting and looking takes, and its ratio to an estimate is chance."""
FEW: Final = 5
"""Below so many comparisons, the interval is a rough one."""
ROUGH: Final = (1 / 3, 3.0)
"""What an estimate is multiplied by for its interval where little is known, and wherever sources are built."""

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

    less: float = 0.0
    more: float = 0.0
    """Seconds by which the rest of a build may be shorter or longer."""

    calibrated: bool = False
    """Whether the interval follows from past builds; if not, there were too few to compare."""


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
    rest = sorted(max(0.0, each.seconds - each.fetching - each.writing - each.building) for each in recent)
    off = sorted(each.seconds / each.predicted[0] for each in recent if each.predicted and _is_long(each))
    few, usual = len(off) < FEW, statistics.median(rest)
    return Speeds(
        fetch=_rate((each.fetching, each.fetched) for each in recent),
        hash=_rate((each.writing, each.hashed) for each in recent),
        source=_rate((each.building, each.sources) for each in recent),
        rest=usual,
        low=ROUGH[0] if few else min(1.0, _edges(off)[0]),
        high=ROUGH[1] if few else max(1.0, _edges(off)[1]),
        less=usual - _edges(rest)[0],
        more=_edges(rest)[1] - usual,
        calibrated=not few,
    )


def _is_long(build: Build) -> bool:
    """Return whether a build tells how good estimates are: one took its time, and sources are as different as they are."""
    estimated = build.predicted[0] if build.predicted else 0.0
    return estimated > 0 and not build.sources and max(build.seconds, estimated) >= LONG


def _edges(ordered: Sequence[float]) -> tuple[float, float]:
    """Return between what eight in ten of *ordered* lie."""
    aside = len(ordered) // 10
    return ordered[aside], ordered[-1 - aside]


def compared(builds: Iterable[Build]) -> tuple[Build, ...]:
    """Return those of *builds* that something was estimated of before."""
    return tuple(each for each in builds if each.predicted is not None)


def within(build: Build) -> bool:
    """Return whether a build took as long as its interval had said."""
    return build.predicted is not None and build.predicted[1] <= build.seconds <= build.predicted[2]


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
    factors = (min(speeds.low, ROUGH[0]), max(speeds.high, ROUGH[1])) if work.sources else (speeds.low, speeds.high)
    low, high = max(0.0, seconds * factors[0] - speeds.less), seconds * factors[1] + speeds.more
    return round(seconds, 3), round(low, 3), round(high, 3)
