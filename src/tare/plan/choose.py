"""Which base: what each would give, compared. Pure; `docs/choose.md` explains how it weighs.

Three axes are compared and never added up into a score that nobody could check: how much has to be pulled, how fast the
interpreter is built, and what may not work. A candidate that another one beats on all of them is dominated.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal, NamedTuple

import msgspec

from tare.oci.platform import Platform
from tare.wheels.target import Libc

Prefer = Literal["balanced", "size", "speed", "compatibility"]
Kind = Literal["wheel", "sdist", "impossible"]

MAX_REASONS: Final = 5

SOON: Final = 183
"""Days before the end of support from which it is worth a sentence."""

ORDER: Final = ("assembled", "alpine", "chainguard", "distroless", "slim", "ubi", "ubuntu", "named", "full")
"""Kinds of bases, the smallest first as a rule: what is compared where nobody knows a base's size."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """What a base takes of one locked distribution. None is unknown."""

    name: str
    version: str
    kind: Kind

    file: str | None
    """The wheel or source that would be taken."""

    tag: str | None
    """The wheel's tag by which the target accepts it."""

    size: int | None
    """Bytes of the file."""

    unpacked: int | None
    """Bytes of what it installs."""

    native: bool | None = None
    """Whether it is compiled: a wheel for some platforms, or a source that needs a compiler."""

    why: str = ""
    """Why there is no wheel, or what would change it."""

    remedy: str = ""
    """The nearest version that has a wheel, where that was looked for."""

    parts: dict[str, int] = {}
    """Unpacked bytes by kind of file."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Compressed and unpacked bytes. None is unknown."""

    pull: int | None
    unpacked: int | None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a build has to do."""

    fetch: int
    """Bytes of files that are not on this machine."""

    hash: int
    """Bytes that are inflated and hashed."""

    sources: tuple[str, ...] = ()
    """Distributions that are built from source."""

    native: tuple[str, ...] = ()
    """Those of them that need a compiler: how long that takes, nobody knows before."""

    seconds: tuple[float, float, float] | None = None
    """The estimate and its interval; None where nothing was built here yet, or a compiler is needed."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One base for one platform, judged."""

    base: str
    kind: str
    platform: Platform
    python: str | None
    """The interpreter's version."""

    libc: Libc | None
    suitable: bool
    obstacles: tuple[str, ...] = ()
    """Why it is not suitable."""

    rank: int | None = None
    """From 1 among those that are suitable, over all platforms of one base alike."""

    pareto: bool = False
    """Whether no other candidate beats it in size, speed and compatibility at once."""

    pull: int | None = None
    unpacked: int | None = None
    exact: bool = False
    """Whether the sizes of the new layers are exact to the byte."""

    base_sizes: Sizes = Sizes(pull=None, unpacked=None)
    site_packages: Sizes = Sizes(pull=None, unpacked=None)
    layers: tuple[Sizes, ...] = ()
    """The dependencies' layers, bottom first."""

    project: Sizes = Sizes(pull=None, unpacked=None)
    distributions: tuple[Distribution, ...] = ()
    missing_libraries: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    """Wheels whose libraries could not all be read without a download, or not compared with the base."""

    origin: str = ""
    """What the base is known from: `image`, `manifest` or `catalogue`."""

    origin_why: str = ""
    digest: str | None = None
    """Of the image's manifest."""

    interpreter: str | None = None
    """Its path in the image."""

    platforms: tuple[str, ...] | None = None
    """Those that the image is built for."""

    libraries: tuple[str, ...] | None = None
    """Names of the shared libraries that it provides."""

    date: str | None = None
    """When the catalogue's row was recorded, if it is known from there."""

    pgo: bool | None = None
    lto: bool | None = None
    package_manager: str | None = None
    shell: str | None = None
    user: str | None = None
    python_eol: str | None = None
    os_eol: str | None = None
    sources: tuple[str, ...] = ()
    work: Work = Work(fetch=0, hash=0)
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Axes(NamedTuple):
    """What candidates are compared by; less is better."""

    size: tuple[int, int]
    speed: int
    trouble: int
    bare: bool
    """Whether there is no shell to look around with, which is no trouble until there is some."""


def ranked(candidates: Sequence[Candidate], *, prefer: Prefer, today: date) -> tuple[Candidate, ...]:
    """Return *candidates*, the best first, with rank, Pareto set and reasons filled in."""
    suitable = [each for each in candidates if each.suitable]
    known = all(each.pull is not None for each in suitable)
    axes = {id(each): axes_of(each, known=known, today=today) for each in suitable}
    order = sorted(suitable, key=lambda each: (*_key(axes[id(each)], prefer), each.base))
    found = []
    for number, each in enumerate(order, 1):
        mine = axes[id(each)]
        beaten = any(_beats(other, mine) for other in axes.values())
        found.append(msgspec.structs.replace(each, rank=number, pareto=not beaten))
    found += sorted((each for each in candidates if not each.suitable), key=lambda each: each.base)
    return tuple(msgspec.structs.replace(each, reasons=reasons(each, found, today=today)) for each in found)


def axes_of(candidate: Candidate, *, known: bool, today: date) -> Axes:
    """Return where *candidate* stands. Where the size of one base is not *known*, all are compared by their kinds."""
    pull = candidate.site_packages.pull or 0
    kind = ORDER.index(candidate.kind) if candidate.kind in ORDER else len(ORDER)
    size = (candidate.pull or 0, 0) if known else (kind, pull)
    musl = candidate.libc is not None and candidate.libc.family == "musl"
    speed = 2 * (candidate.pgo is False) + (candidate.pgo is None) + musl
    trouble = (
        2 * musl
        + 2 * len(candidate.work.sources)
        + 2 * bool(candidate.missing_libraries)
        + (4 if _over(candidate.python_eol, today) or _over(candidate.os_eol, today) else 0)
        + (1 if _soon(candidate.python_eol, today) or _soon(candidate.os_eol, today) else 0)
        + (candidate.origin == "catalogue")
    )
    return Axes(size=size, speed=speed, trouble=trouble, bare=candidate.shell == "")


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


def _over(day: str | None, today: date) -> bool:
    from tare.bases.catalogue import ended

    return ended(day, today)


def _soon(day: str | None, today: date) -> bool:
    return not _over(day, today) and _over(day, date.fromordinal(today.toordinal() + SOON))


def reasons(candidate: Candidate, all_of_them: Sequence[Candidate], *, today: date) -> tuple[str, ...]:
    """Return at most five sentences, the most important first."""
    if not candidate.suitable:
        return candidate.obstacles[:MAX_REASONS]
    found = [*_support(candidate, today), *_sources(candidate), *_speed(candidate), *_size(candidate, all_of_them)]
    if candidate.package_manager == "" and candidate.shell == "":
        found.append("There is no shell and no package manager in it: less to attack, and nothing to look around with.")
    elif candidate.shell == "":
        found.append("There is no shell in it.")
    if candidate.origin == "catalogue":
        why = candidate.origin_why or "the image was not read"
        found.append(f"It was judged from the catalogue, since the image cannot be read: {why}.")
    if candidate.unchecked and candidate.origin != "catalogue":
        count = len(candidate.unchecked)
        which = "one wheel" if count == 1 else f"{count} wheels"
        found.append(f"Not every library of {which} was read; the build does that.")
    return tuple(dict.fromkeys(found))[:MAX_REASONS]


def _support(candidate: Candidate, today: date) -> list[str]:
    found = []
    series = ".".join((candidate.python or "").split(".")[:2])
    for what, day in ((f"CPython {series}", candidate.python_eol), ("Its operating system", candidate.os_eol)):
        if _over(day, today):
            found.append(f"{what} has had no security fixes since {day}.")
        elif _soon(day, today):
            found.append(f"{what} gets security fixes until {day} only.")
    return found


def _sources(candidate: Candidate) -> list[str]:
    sources = candidate.work.sources
    if not sources:
        count = len(candidate.distributions)
        every = "Its one distribution" if count == 1 else f"Every one of {count} distributions"
        return [f"{every} has a wheel."] if count else []
    return [f"{_listed(sources)} {'is' if len(sources) == 1 else 'are'} built from source."]


def _speed(candidate: Candidate) -> list[str]:
    musl = candidate.libc is not None and candidate.libc.family == "musl"
    found = []
    if candidate.pgo is False:
        found.append("Its interpreter is built without profile-guided optimisation, so pure Python runs slower.")
    elif candidate.pgo and candidate.lto:
        found.append("Its interpreter is built with profile-guided and link-time optimisation.")
    if musl:
        found.append("musl gives threads small stacks (1 MiB in the official image, where glibc has 8).")
    return found


def _size(candidate: Candidate, all_of_them: Sequence[Candidate]) -> list[str]:
    found = []
    musl = candidate.libc is not None and candidate.libc.family == "musl"
    own = candidate.site_packages.unpacked
    others = [
        each.site_packages.unpacked
        for each in all_of_them
        if each.suitable
        and each.libc is not None
        and each.libc.family == "glibc"
        and _series(each) == _series(candidate)
    ]
    other = next((each for each in others if each), None)
    if musl and own and other and abs(own - other) * 100 >= other:
        word = "larger" if own > other else "smaller"
        found.append(f"Its wheels are {abs(own - other) / other:.0%} {word} unpacked than those for glibc.")
    rest = [each.pull for each in all_of_them if each.suitable and each.pull is not None]
    if candidate.pull is not None and rest and candidate.pull == min(rest) and len(rest) > 1:
        found.append("It is the smallest to pull of those whose size is known.")
    return found


def _series(candidate: Candidate) -> str:
    return ".".join((candidate.python or "").split(".")[:2])


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """All candidates, the best first, and the one to take."""

    project: str
    candidates: tuple[Candidate, ...]
    recommended: str | None
    prefer: Prefer
    fetched: int
    """Bytes that came over the network."""

    wheels: int
    """Bytes of all wheels that were looked at: what downloading them would take."""

    downloaded: tuple[str, ...] = ()
    """Wheels that had to be downloaded, since their server has no ranges."""

    obstacles: tuple[str, ...] = ()
    """The distributions that alone keep the project from a smaller base."""

    notes: tuple[str, ...] = ()


def recommended(candidates: Sequence[Candidate]) -> str | None:
    """Return the base that is best where it is suitable for every platform it was judged for."""
    bad = {each.base for each in candidates if not each.suitable}
    best: dict[str, int] = {}
    for each in candidates:
        if each.base not in bad and each.rank is not None:
            best[each.base] = max(best.get(each.base, 0), each.rank)
    return min(best, key=lambda base: (best[base], base), default=None)


def lone_obstacles(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Return a sentence for each base that one single distribution rules out."""
    found = []
    for each in candidates:
        bad = [
            item for item in each.distributions if item.kind == "impossible" or (item.kind == "sdist" and item.native)
        ]
        if not each.suitable and len(bad) == 1 and each.python:
            remedy = f"; {bad[0].remedy}" if bad[0].remedy else ""
            found.append(f"`{bad[0].name}` {bad[0].version} alone keeps the project from `{each.base}`{remedy}")
    return tuple(dict.fromkeys(found))
