"""Is an image still what would be built today? Its base, and the packages that it has."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

from tare.bases import installed as packages
from tare.bases.catalogue.catalogue import catalogue
from tare.bases.catalogue.support import ended
from tare.bases.debian import updates
from tare.bases.debian.blobs import Supply
from tare.bases.debian.snapshot import Snapshot, open_snapshot, take_snapshot
from tare.bases.debian.tables import Suite, tables
from tare.bases.debian.updates import Compared, Update
from tare.bases.installed import Installed
from tare.bases.tag_names import parse as parse_tag
from tare.errors import IntegrityError, TareError, UsageError
from tare.flow.bases.debian import package_sources
from tare.flow.bases.named import layer_openers
from tare.flow.images.base_state import BaseState, base_name, judge, recorded_base
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.oci.image import Image
from tare.oci.platform import Platform
from tare.stores.cache import key_of
from tare.stores.names import ImageName, RegistryName, SuiteName
from tare.stores.open import open_source


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Something that could not be checked, and so is not known to be fine."""

    part: str
    reason: str

    code: int = 0
    """The exit code of the failure that kept us from knowing; 0 for what tare cannot tell at all."""


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """An archive that was looked at."""

    name: str
    """Such as `trixie-security`."""

    date: str
    """When it was made, by ISO 8601."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """An image, checked."""

    reference: str
    digest: Digest
    platform: Platform
    base: BaseState
    os: str
    """For people; empty if the image does not say."""

    suite: str | None
    """The Debian suite that its packages were compared with."""

    archives: tuple[Archive, ...]
    packages: int
    """Of Debian's, in the image."""

    compared: int
    """Of these, those that the suite has."""

    updates: tuple[Update, ...]
    unknown: tuple[Unknown, ...]
    notes: tuple[str, ...]

    @property
    def outdated(self) -> bool:
        """Whether something is newer than in the image."""
        return bool(self.updates) or self.base.status == "moved"

    @property
    def exit_code(self) -> int:
        """1 if it is outdated; what kept us from knowing, if something did; 0 if not."""
        return 1 if self.outdated else max((each.code for each in self.unknown), default=0)


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    image: Digest


def check(world: World, name: ImageName, platform: Platform | None, *, base: str | None) -> Checked:
    """Check the image under *name*. *base* is what a person says that it was built on."""
    if isinstance(name, SuiteName):
        raise UsageError(f"`{name}` is a base and no image", hints=("Name the image that was built on it",))
    with world.step("open the image"):
        image = open_source(name, world.surroundings).read(platform)
    state = judge(world, image, base)
    installed = _installed(world, image, str(name))
    text = base or recorded_base(image)[0]
    suite = updates.suite_of(installed) or _named_suite(text)
    snapshot, compared, unknown = _compare(world, image, installed, suite)
    state = state or _assembled(text or "", recorded_base(image)[1], snapshot, compared, unknown)
    if state.status == "unknown":
        unknown = [Unknown(part="base", reason=state.reason, code=state.code), *unknown]
    today = datetime.fromtimestamp(world.now(), UTC).date()
    return Checked(
        reference=str(name),
        digest=image.digest,
        platform=image.platform.normalized(),
        base=state,
        os=installed.pretty,
        suite=snapshot.suite if snapshot else None,
        archives=tuple(Archive(name=pin.name, date=pin.date) for pin in snapshot.indexes) if snapshot else (),
        packages=len(installed.debian),
        compared=compared.checked if compared else 0,
        updates=compared.updates if compared else (),
        unknown=tuple(unknown),
        notes=tuple(_notes(text, suite, today)),
    )


def _named_suite(text: str | None) -> Suite | None:
    """Return the suite of an assembled base."""
    name = base_name(text)
    found = name.suite if isinstance(name, SuiteName) else None
    return next((suite for suite in tables().suite if suite.codename == found), None)


def _installed(world: World, image: Image, what: str) -> Installed:
    """Return the image's packages, remembered by its digest: a nightly job reads the layers once."""
    key = key_of(_Key(format=packages.FORMAT, image=image.digest))
    known = world.cache.recall("packages", key, Installed)
    if known is None:
        with world.step("read the packages"):
            known = packages.read(layer_openers(image), what=f"`{what}`")
        world.cache.remember("packages", key, msgspec.json.encode(known))
    return known


def _compare(
    world: World, image: Image, installed: Installed, suite: Suite | None
) -> tuple[Snapshot | None, Compared | None, list[Unknown]]:
    """Return the suite as it is now, the packages against it, and what cannot be said."""
    unknown = _other_systems(installed)
    os = installed.pretty or installed.os or "a system without a name"
    if suite is None or not installed.debian:
        if installed.debian:
            known = ", ".join(row.codename for row in tables().suite)
            reason = f"they are of {os}; tare looks up Debian's {known}"
            unknown.append(Unknown(part=f"{len(installed.debian)} packages of dpkg", reason=reason))
        elif not unknown:
            unknown.append(Unknown(part="packages", reason="the image has no database of packages"))
        return None, None, unknown
    try:
        snapshot, compared, origin = _look_up(world, image, installed, suite)
    except IntegrityError:
        raise
    except TareError as error:
        reason = "; ".join((error.message, *error.causes))
        part = f"{len(installed.debian)} packages of Debian {suite.codename}"
        return None, None, [Unknown(part=part, reason=reason, code=error.exit_code), *unknown]
    if origin:
        unknown.append(Unknown(part="security updates", reason=f"{origin} names no security archive"))
    if compared.unknown:
        names = ", ".join(compared.unknown[:8]) + (" …" if len(compared.unknown) > 8 else "")
        unknown.append(Unknown(part=f"{len(compared.unknown)} packages", reason=f"{suite.codename} has no {names}"))
    return snapshot, compared, unknown


def _look_up(world: World, image: Image, installed: Installed, suite: Suite) -> tuple[Snapshot, Compared, str]:
    """Return what the suite has now; the last is who names no security archive, if somebody should."""
    supply = Supply(sources=lambda: package_sources(world), fetcher=world.fetcher, blobs=world.cache)
    architecture = tables().architecture(image.platform.normalized())
    with world.step("look up the suite"):
        now = datetime.fromtimestamp(world.now(), UTC)
        snapshot = take_snapshot(suite, architecture, supply, now=now, log=lambda _: None)
        compared = updates.compare(installed.debian, open_snapshot(snapshot, supply))
    return snapshot, compared, "" if supply.sources.has_security else supply.sources.origin


def _other_systems(installed: Installed) -> list[Unknown]:
    """Return what is there of other package managers. That tare cannot tell is not that they are up to date."""
    os = installed.pretty or installed.os or "a system without a name"
    found = []
    if installed.apk:
        reason = f"they are of {os}; tare cannot tell whether there are newer ones"
        found.append(Unknown(part=f"{installed.apk} packages of apk", reason=reason))
    if installed.rpm:
        reason = f"they are of {os}; tare cannot tell whether there are newer ones"
        found.append(Unknown(part="packages of RPM", reason=reason))
    return found


def _assembled(
    text: str, digest: Digest | None, snapshot: Snapshot | None, compared: Compared | None, unknown: list[Unknown]
) -> BaseState:
    """Return the state of a base that was assembled from packages: it has moved when one of them has."""
    if snapshot is None or compared is None:
        code = max((each.code for each in unknown), default=0)
        reason = "its packages could not be compared"
        return BaseState(name=text, digest=digest, status="unknown", reason=reason, code=code)
    count = len(compared.updates)
    if count:
        reason = f"the suite has {count} newer package{'s' if count > 1 else ''}"
        return BaseState(name=text, digest=digest, status="moved", reason=reason)
    return BaseState(name=text, digest=digest, status="current", reason="the suite has nothing newer")


def _notes(base: str | None, suite: Suite | None, today: date) -> list[str]:
    """Return what no update will change: ends of support."""
    found = []
    if suite is not None and ended(suite.eol, today):
        rest = "" if ended(suite.lts, today) else f"; long-term support ends {suite.lts}"
        found.append(f"Debian {suite.codename} is past its makers' security support ({suite.eol}){rest}")
    name = base_name(base)
    tag = (
        name.reference.tag if isinstance(name, RegistryName) and name.reference.repository.endswith("python") else None
    )
    parsed = parse_tag(tag) if tag else None
    series = catalogue().find_series(parsed.series) if parsed else None
    if series is not None and ended(series.eol, today):
        found.append(f"CPython {series.name} is past its end of life ({series.eol}): it gets no fixes")
    return found
