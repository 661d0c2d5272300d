"""Which of an image's packages its suite has newer versions of."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tare.bases.debian.relations import version_key
from tare.bases.debian.tables import Suite, tables
from tare.bases.debian.universe import Universe
from tare.bases.installed import Installed, Package


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A package that has a newer version."""

    name: str
    installed: str
    available: str

    archive: str
    """Where the newest version is, such as `trixie-updates`."""

    security: bool
    """Whether the security archive has a newer version than the image, if perhaps not the newest."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """An image's packages against its suite."""

    updates: tuple[Update, ...]
    """Security first, then by name."""

    checked: int
    """Packages that the suite has."""

    unknown: tuple[str, ...]
    """Packages that it does not have: of another archive or architecture, or removed since."""


def suite_of(installed: Installed) -> Suite | None:
    """Return the suite that an image says that it is of, if it is one that tare knows."""
    if installed.os != "debian":
        return None
    known = tables().suite
    by_name = (suite for suite in known if suite.codename == installed.codename)
    by_number = (suite for suite in known if suite.version == installed.release)
    return next(by_name, None) or next(by_number, None)


def compare(packages: Iterable[Package], universe: Universe) -> Compared:
    """Return what is newer in *universe*."""
    updates: list[Update] = []
    unknown: list[str] = []
    checked = 0
    for package in packages:
        if package.architecture not in {universe.architecture, "all"}:
            unknown.append(f"{package.name}:{package.architecture}")
            continue
        offers = universe.offers(package.name)
        if not offers:
            unknown.append(package.name)
            continue
        checked += 1
        have = version_key(package.version)
        newer = [offer for offer in offers if version_key(offer.version) > have]
        if newer:
            best = max(newer, key=lambda offer: version_key(offer.version))
            updates.append(
                Update(
                    name=package.name,
                    installed=package.version,
                    available=best.version,
                    archive=best.archive,
                    security=any(offer.archive.endswith("-security") for offer in newer),
                )
            )
    updates.sort(key=lambda update: (not update.security, update.name))
    return Compared(updates=tuple(updates), checked=checked, unknown=tuple(unknown))
