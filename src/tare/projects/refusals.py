"""Why a lock does not fit a target: everything that stands in the way, said once, with what would help."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from tare.errors import ProjectError, TareError, TargetError
from tare.projects.locks.interface import Resolution
from tare.wheels.target import Target

Entry = PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist

_SHOWN = 12
"""How many tags of a lock are listed in a message."""


def selected(lock: Pylock, resolution: Resolution, target: Target) -> Iterator[tuple[Package, Entry]]:
    """Select what *target* takes of *lock*, with what was asked of *resolution*."""
    return lock.select(
        environment=target.environment,
        tags=target.tags,
        extras=resolution.extras,
        dependency_groups=resolution.groups,
    )


def explained(resolution: Resolution, target: Target, first: PylockSelectError) -> TareError:
    """Return the error for everything that stands in the way: the library stops at the first."""
    lacking: list[tuple[str, list[Tag]]] = []
    others: list[str] = []
    for index, package in enumerate(resolution.pylock.packages):
        try:
            list(selected(alone(resolution.pylock, package), resolution, target))
        except PylockSelectError as error:
            if package.wheels and "No wheel found" in str(error):
                named = f"{package.name}=={package.version}" if package.version else str(package.name)
                lacking.append((named, sorted(tags_of(package), key=str)))
            else:
                others.append(str(error).replace("packages[0]", f"packages[{index}]"))
    if lacking and not others:
        return no_wheel(resolution, target, lacking)
    if not others and not lacking:
        # Each package fits by itself, so it is two of them that exclude each other.
        return ProjectError(f"`{resolution.origin}` contradicts itself", causes=(str(first), f"the target is {target}"))
    causes = [str(error) for error in ([] if others else [first])] + others
    causes += [f"`{name}` has no wheel for it" for name, _ in lacking]
    return TargetError(f"`{resolution.origin}` does not fit the target {target}", causes=tuple(causes))


def alone(lock: Pylock, package: Package) -> Pylock:
    """Return *lock* with one of its packages."""
    return Pylock(
        lock_version=lock.lock_version, created_by=lock.created_by, packages=[package], environments=lock.environments
    )


def no_wheel(resolution: Resolution, target: Target, lacking: Sequence[tuple[str, Sequence[Tag]]]) -> TargetError:
    """Return the error for distributions that have wheels, each with its tags, and none for *target*."""
    offers = [(name, _offer(tags, target)) for name, tags in lacking]
    hints = _hints([tag for _, tags in lacking for tag in tags], target)
    if len(offers) == 1:
        name, offer = offers[0]
        return TargetError(
            f"`{name}` has no wheel for the target",
            causes=(f"the target is {target}; `{resolution.origin}` offers {offer}",),
            hints=hints,
        )
    return TargetError(
        f"{len(offers)} distributions have no wheel for the target",
        causes=(
            f"the target is {target}",
            *(f"`{name}`: `{resolution.origin}` offers {offer}" for name, offer in offers),
        ),
        hints=hints,
    )


def _offer(tags: Sequence[Tag], target: Target) -> str:
    """Return the platforms that *tags* are for, or the interpreters when the target's platform is among them."""
    platforms = {*target.platforms(), "any"}
    here = sorted({f"{tag.interpreter}-{tag.abi}" for tag in tags if tag.platform in platforms}, key=_natural)
    if here:
        return f"{_listed(here)} for {target.platform}, {target.libc.family}"
    return _listed(sorted({tag.platform for tag in tags}))


def _natural(text: str) -> tuple[str, int, str]:
    """Return the key that sorts `cp39` before `cp310`."""
    digits = re.match(r"([a-z]+)([0-9]*)", text)
    return (digits[1], int(digits[2] or 0), text) if digits else (text, 0, text)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _hints(tags: Sequence[Tag], target: Target) -> tuple[str, ...]:
    """Return what would help: the other C library, a newer one, or another interpreter."""
    machine = target.machine
    libcs = {match[1]: match for tag in tags if (match := _libc.fullmatch(tag.platform)) and match[4] == machine}
    series = _series(tags, target)
    found = []
    if libcs and _FAMILIES[target.libc.family] not in libcs:
        other = "glibc" if target.libc.family == "musl" else "musl"
        found.append(f"Use a {other} base" + (", for example `--base deb:trixie`" if other == "glibc" else ""))
    if series and target.series[1] not in series:
        nearest = min(series, key=lambda minor: (abs(minor - target.series[1]), -minor))
        found.append(f"Use an interpreter that it has wheels for: `--python 3.{nearest}`")
    needed = _newer_libc(tags, target)
    if not found and needed is not None:
        found.append(f"Use a base with {target.libc.family} {needed[0]}.{needed[1]} or newer")
    return tuple(found)


_FAMILIES = {"glibc": "manylinux", "musl": "musllinux"}
_libc = re.compile(r"(manylinux|musllinux)_([0-9]+)_([0-9]+)_(.+)")


def _series(tags: Sequence[Tag], target: Target) -> set[int]:
    """Return the minor versions of CPython 3 that wheels for the target's platform are for."""
    platforms = {*target.platforms()}
    found = [re.fullmatch(r"cp3([0-9]+)", tag.interpreter) for tag in tags if tag.platform in platforms]
    return {int(match[1]) for match in found if match}


def _newer_libc(tags: Sequence[Tag], target: Target) -> tuple[int, int] | None:
    """Return the oldest version of the target's C library that a wheel for its interpreter asks for."""
    matches = [
        _libc.fullmatch(tag.platform)
        for tag in tags
        if tag.interpreter in {target.interpreter, "py3"} or tag.abi == "abi3"
    ]
    family = _FAMILIES[target.libc.family]
    asked = [(int(m[2]), int(m[3])) for m in matches if m and m[1] == family and m[4] == target.machine]
    newer = [version for version in asked if version > (target.libc.major, target.libc.minor)]
    return min(newer, default=None)


def tags_of(package: Package) -> set[Tag]:
    """Return the tags of all wheels of *package*."""
    return {tag for wheel in package.wheels or () for tag in parse_wheel_filename(wheel.filename)[3]}
