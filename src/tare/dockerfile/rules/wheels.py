"""What a lock has for a base: asked of the project's lock, as a build would ask it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tare.dockerfile.beside import Beside
from tare.dockerfile.model.images import BaseImage, data
from tare.errors import TareError

if TYPE_CHECKING:
    from tare.projects.locks.interface import Resolution
    from tare.wheels.target import Target

_GLIBC = (2, 36)
"""Of the oldest suite that images of `python` are built on: what has no wheel for that either is compiled anyway."""


def without_musl_wheel(beside: Beside, image: BaseImage) -> Sequence[str]:
    """Return the distributions, sorted, that *image* would compile and the oldest glibc base would not."""
    resolution = beside.resolution
    if resolution is None or image.libc is None:
        return ()
    series = image.series or _default_series()
    musl = _wheels(resolution, _target(series, "musl", image.libc.version))
    glibc = _wheels(resolution, _target(series, "glibc", _GLIBC))
    return sorted(name for name in glibc if glibc[name] and not musl.get(name, False))


def _default_series() -> tuple[int, int]:
    major, minor = data()["defaults"]["series"].split(".")
    return int(major), int(minor)


def _target(series: tuple[int, int], family: str, version: tuple[int, int]) -> Target:
    from tare.oci.platform import Platform
    from tare.wheels.target import Libc, Target

    libc = Libc(family="musl" if family == "musl" else "glibc", major=version[0], minor=version[1])
    return Target(platform=Platform(os="linux", architecture="amd64"), libc=libc, version="{}.{}.99".format(*series))


def _wheels(resolution: Resolution, target: Target) -> dict[str, bool]:
    """Return by name, of what the target needs, whether there is a wheel for it."""
    from packaging.pylock import PackageWheel, PylockSelectError

    from tare.projects.refusals import selected

    found: dict[str, bool] = {}
    try:
        for package, entry in selected(resolution.pylock, resolution, target):
            found[str(package.name)] = isinstance(entry, PackageWheel)
    except (PylockSelectError, TareError):
        return _one_by_one(resolution, target)
    return found


def _one_by_one(resolution: Resolution, target: Target) -> dict[str, bool]:
    """Ask for each distribution alone, since a lock is refused as a whole for the first that has nothing."""
    from packaging.pylock import PackageWheel, Pylock, PylockSelectError

    from tare.projects.refusals import selected

    found: dict[str, bool] = {}
    for package in resolution.pylock.packages:
        alone = Pylock(
            lock_version=resolution.pylock.lock_version, created_by=resolution.pylock.created_by, packages=[package]
        )
        try:
            entries: Iterable[object] = [entry for _, entry in selected(alone, resolution, target)]
        except (PylockSelectError, TareError):
            found[str(package.name)] = False
            continue
        for entry in entries:
            found[str(package.name)] = isinstance(entry, PackageWheel)
    return found
