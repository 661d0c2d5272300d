"""Which base is better: three axes that are compared, and never added up into a score that nobody could check.

How much has to be pulled, how fast the interpreter is built, and what may not work. A candidate that another one beats on
all of them is dominated. Only what is for the same platform is compared; `docs/choose.md` explains how it weighs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

import msgspec

from tare.bases.catalogue.support import ended, ends_soon
from tare.plan.choice.candidate import Candidate
from tare.plan.choice.reasons import reasons

Prefer = Literal["balanced", "size", "speed", "compatibility"]

ORDER: Final = ("assembled", "alpine", "chainguard", "distroless", "slim", "ubi", "ubuntu", "named", "full")
"""Kinds of bases, the smallest first as a rule: what is compared where nobody knows a base's size."""

STEP: Final = 100_000
"""Bytes of packages that make a difference where the bases' own sizes are unknown: what people see of them."""


class Axes(NamedTuple):
    """What candidates are compared by; less is better."""

    size: tuple[int, int]
    speed: int
    trouble: int
    bare: bool
    """Whether there is no shell to look around with, which is no trouble until there is some."""


def ranked(candidates: Sequence[Candidate], *, prefer: Prefer, today: date) -> tuple[Candidate, ...]:
    """Return *candidates*, platform by platform, the best first, with rank, Pareto set and reasons filled in."""
    platforms = dict.fromkeys(each.platform for each in candidates)
    groups = ([each for each in candidates if each.platform == platform] for platform in platforms)
    return tuple(each for group in groups for each in _ranked(group, prefer, today))


def _ranked(candidates: Sequence[Candidate], prefer: Prefer, today: date) -> tuple[Candidate, ...]:
    suitable = [each for each in candidates if each.suitable]
    known = all(each.pull is not None for each in suitable)
    axes = {id(each): axes_of(each, known=known, today=today) for each in suitable}
    order = sorted(suitable, key=lambda each: (*_key(axes[id(each)], prefer), _newest_first(each), each.base))
    found = []
    for number, each in enumerate(order, 1):
        mine = axes[id(each)]
        beaten = any(_beats(other, mine) for other in axes.values())
        found.append(msgspec.structs.replace(each, rank=number, pareto=not beaten))
    found += sorted((each for each in candidates if not each.suitable), key=lambda each: each.base)
    return tuple(msgspec.structs.replace(each, reasons=reasons(each, found, today=today)) for each in found)


def axes_of(candidate: Candidate, *, known: bool, today: date) -> Axes:
    """Return where *candidate* stands. Where the size of one base is not *known*, all are compared by their kinds."""
    packages = (candidate.site_packages.pull or 0) // STEP
    kind = ORDER.index(candidate.kind) if candidate.kind in ORDER else len(ORDER)
    size = (candidate.pull or 0, 0) if known else (kind, packages)
    musl = candidate.is_musl
    ends = (candidate.python_eol, candidate.os_eol)
    trouble = (
        2 * musl
        + 2 * len(candidate.work.sources)
        + 2 * bool(candidate.missing_libraries)
        + 4 * any(ended(day, today) for day in ends)
        + any(ends_soon(day, today) for day in ends)
        + (candidate.origin == "catalogue")
    )
    speed = 2 * (candidate.pgo is False) + (candidate.pgo is None) + musl
    return Axes(size=size, speed=speed, trouble=trouble, bare=candidate.shell == "")


def _newest_first(candidate: Candidate) -> tuple[int, ...]:
    """Return what decides between bases that are alike in everything else."""
    return tuple(-int(part) for part in candidate.series.split(".")) if candidate.series else (0,)


def _key(mine: Axes, prefer: Prefer) -> tuple[object, ...]:
    match prefer:
        case "size":
            return (mine.size, mine.speed, mine.trouble)
        case "speed":
            return (mine.speed, mine.size, mine.trouble)
        case "compatibility":
            return (mine.trouble + mine.bare, mine.speed, mine.size)
        case _:
            return (mine.speed + mine.trouble, mine.size)


def _beats(one: Axes, other: Axes) -> bool:
    mine, its = (one.size, one.speed, one.trouble), (other.size, other.speed, other.trouble)
    return mine != its and all(a <= b for a, b in zip(mine, its, strict=True))  # type: ignore[operator]  # each axis has one type
