"""Shared libraries that wheels load and an image of Python lacks, and the packages of its suite that have them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import msgspec

from tare.bases.debian.tables import tables
from tare.dockerfile.generate.recipe import Base
from tare.dockerfile.generate.tables import always
from tare.errors import TareError
from tare.flow.build.dependencies import scheme_of
from tare.flow.choose.gaps import is_certain
from tare.flow.choose.known import read_heads, remembered
from tare.flow.choose.suppliers import suppliers
from tare.flow.world import World
from tare.projects.locked import Locked, LockedWheel
from tare.wheels.heads import Heads
from tare.wheels.lacking import Missing
from tare.wheels.libraries import Libraries
from tare.wheels.linking import missing
from tare.wheels.scheme import Scheme
from tare.wheels.target import Target

_installs: Final = re.compile(r"\s*(?:&& )?apt-get install -y --no-install-recommends (?P<names>.+)")


class RunLibraries(msgspec.Struct, frozen=True, kw_only=True):
    """What the stage that runs needs for wheels."""

    packages: tuple[str, ...] = ()
    """Of the base's suite, sorted."""

    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Distributions of which nobody here knows what they load."""


def run_libraries(
    world: World, base: Base, locked: Iterable[Locked], targets: Sequence[Target], *, ask: bool, existing: Iterable[str]
) -> RunLibraries:
    """Return the packages of *base* for what the wheels of *locked* load on *targets* and no wheel has.

    What this machine does not know of a wheel is read, when it may *ask*; else the libraries that are *existing* in the
    file stay. Wheels for musl have all that they need (PEP 656), so there is nothing to look for.
    """
    wheels = [each for each in locked if isinstance(each, LockedWheel) and "manylinux" in each.filename]
    if base.os == "alpine" or not wheels:
        return RunLibraries()
    heads: dict[str, Heads] = {}
    try:
        heads |= remembered(world, wheels)
        heads |= read_heads(world, [each for each in wheels if each.filename not in heads], ask=ask)
    except TareError as error:
        ask = False
        world.reporter.warn(f"the shared libraries that wheels load cannot be looked at: {error.message}")
    gaps = [gap for target in targets for gap in _gaps(heads, wheels, target)]
    lacking = sorted({gap.library for gap in gaps} - _of_every_image())
    packages = suppliers(world, lacking, base.suite, targets[0].platform, ask=ask)
    unread = [each for each in wheels if each.filename not in heads]
    may_be_more = not ask and (unread or len(packages) < len(lacking))
    kept = [name for name in existing if may_be_more and name.startswith("lib")]
    return RunLibraries(
        packages=tuple(sorted({*packages.values(), *kept})),
        notes=tuple(_lacking(base, gaps, packages)),
        unread=tuple(sorted({each.name for each in unread})),
    )


def existing_packages(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the packages that the lines of a generated part install."""
    matches = (_installs.fullmatch(line) for line in lines)
    return tuple(name for match in matches if match for name in match["names"].split())


def _gaps(heads: Mapping[str, Heads], wheels: Iterable[LockedWheel], target: Target) -> list[Missing]:
    """Return the libraries that fail an import on *target*, as if the base had none at all."""
    from packaging.utils import parse_wheel_filename

    tags, scheme = frozenset(target.tags), scheme_of(target)
    taken = [
        heads[each.filename]
        for each in wheels
        if each.filename in heads and not tags.isdisjoint(parse_wheel_filename(each.filename)[3])
    ]
    known = {each.needs.wheel: each for each in taken}
    found = missing(
        [each.needs for each in taken],
        Libraries(platform=target.platform, libc=target.libc, names=()),
        installed_paths={name: _places(each, scheme) for name, each in known.items()},
    )
    return [gap for gap in found if gap.kind == "library" and gap.severity == "error" and is_certain(gap, known)]


def _places(heads: Heads, scheme: Scheme) -> dict[str, str]:
    """Return where the ELF files of a wheel lie in the image, by their paths in it."""
    places = {}
    for file in heads.needs.files:
        head, _, rest = file.path.partition("/")
        key, _, inner = rest.partition("/")
        of_data = head.endswith(".data")
        directory = scheme.directory(key, heads.needs.distribution) if of_data else scheme.site_packages
        places[file.path] = f"{directory}/{inner if of_data else file.path}"
    return places


@cache
def _of_every_image() -> frozenset[str]:
    """Return the libraries that official images of Python have in every kind, with those of the C library."""
    has, known = set(always("image", "debian")), tables().soname
    return frozenset(soname for rows in known.values() for soname, package in rows.items() if package in has)


def _lacking(base: Base, gaps: Iterable[Missing], packages: Mapping[str, str]) -> Iterator[str]:
    """Yield for each distribution the libraries that it loads and the base lacks, and the packages that have them."""
    libraries: dict[str, set[str]] = defaultdict(set)
    for gap in gaps:
        if gap.library not in _of_every_image():
            libraries[gap.distribution].add(gap.library)
    for name, every in sorted(libraries.items()):
        known = [f"`{each}` (`{packages[each]}`)" for each in sorted(every) if each in packages]
        unknown = [f"`{each}`" for each in sorted(every) if each not in packages]
        if known:
            yield f"`{name}` cannot be imported without {_joined(known)}, which the stage that runs installs"
        if unknown:
            where = base.suite or "the base"
            yield f"`{name}` cannot be imported without {_joined(unknown)}; which package of {where} has that is not known"


def _joined(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
