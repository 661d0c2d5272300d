"""A suite at one moment: which indexes its archives promised, and the packages that these list.

A snapshot is taken from the signed releases once, and kept: with it, a base that needs one package more takes that
package from the same state of the archive.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from tare.bases.debian.blobs import Supply
from tare.bases.debian.packages import PackagesIndex, read_packages
from tare.bases.debian.release import LIMIT, IndexFile, Release, read_release, require_architecture
from tare.bases.debian.sources import Archive, Sources
from tare.bases.debian.tables import Suite
from tare.bases.debian.universe import Universe
from tare.errors import IntegrityError, NetworkError
from tare.oci.digest import Digest

Log = Callable[[str], None]
"""Takes a warning for the person who runs the command."""

_COMPONENT: Final = "main"


class IndexPin(msgspec.Struct, frozen=True, kw_only=True):
    """What one archive promised."""

    name: str
    """The suite's directory, such as `trixie-security`."""

    date: str
    """When the release was made, by ISO 8601."""

    release: Digest
    """Of the `InRelease` that was verified."""

    by_hash: bool

    packages: IndexFile
    """The compressed index of packages."""

    unpacked: int
    """Its bytes without compression."""

    contents: IndexFile | None
    """The compressed index of the packages' files, if there is one."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All archives of a suite for one architecture."""

    suite: str

    architecture: str
    """As Debian calls it."""

    taken: str
    """When the releases were read, by ISO 8601."""

    indexes: tuple[IndexPin, ...]


_HALF_UPDATED = (
    "A mirror that is being updated is like this for a while: run the command again later, or name another mirror with "
    "`TARE_DEBIAN_MIRROR`"
)


def take_snapshot(suite: Suite, architecture: str, supply: Supply, *, now: datetime, log: Log) -> Snapshot:
    """Read and verify the releases of all archives of *suite*. *now* is an aware time."""
    sources = supply.sources
    if not sources.has_security:
        log(f"{sources.origin} names no security archive: `deb:{suite.codename}` will lack security updates")
    pins = []
    for archive in sources.archives:
        for suffix in archive.suffixes:
            release = _release(suite.codename, suffix, archive, supply, now)
            require_architecture(release, architecture)
            pins.append(_pin(release, architecture))
    return Snapshot(
        suite=suite.codename,
        architecture=architecture,
        taken=now.astimezone(UTC).isoformat(timespec="seconds"),
        indexes=tuple(pins),
    )


def open_snapshot(snapshot: Snapshot, supply: Supply) -> Universe:
    """Return the packages of *snapshot*, fetching the indexes that are not there."""
    indexes = [_read(snapshot, pin, supply) for pin in snapshot.indexes]
    return Universe(indexes, suite=snapshot.suite, architecture=snapshot.architecture)


def fetch_index(snapshot: Snapshot, pin: IndexPin, index: IndexFile, supply: Supply) -> Path:
    """Return the path of *index*, by its digest or, where a mirror lacks that name, by its path."""

    def urls() -> tuple[str, ...]:
        paths = [index.path]
        if pin.by_hash:
            paths.insert(0, f"{index.path.rpartition('/')[0]}/by-hash/SHA256/{index.digest.partition(':')[2]}")
        return tuple(
            url
            for path in paths
            for url in mirror_urls(snapshot.suite, pin.name, supply.sources, f"dists/{pin.name}/{path}")
        )

    try:
        return supply.get(urls, digest=index.digest, size=index.size)
    except IntegrityError as error:
        error.hints = (*error.hints, _HALF_UPDATED)
        raise


def mirror_urls(suite: str, name: str, sources: Sources, path: str) -> tuple[str, ...]:
    """Return where *path*, below the root of the archive of the suite directory *name*, can be had."""
    for archive in sources.archives:
        if name.removeprefix(suite) in archive.suffixes:
            return tuple(f"{mirror}/{path}" for mirror in archive.mirrors)
    raise NetworkError(
        f"there is no mirror for `{name}`",
        causes=(f"{sources.origin} names none",),
        hints=("Take packages from the archives that are named now with `--pull`",),
    )


def _release(codename: str, suffix: str, archive: Archive, supply: Supply, now: datetime) -> Release:
    """Return the release from the first mirror that can be reached."""
    name = codename + suffix
    failure: NetworkError | None = None
    for mirror in archive.mirrors:
        url = f"{mirror}/dists/{name}/InRelease"
        try:
            document = supply.fetcher.get(url, limit=LIMIT)
        except NetworkError as error:
            failure = failure or error
            continue
        return read_release(document, name=name, codename=codename, archive=archive, url=url, now=now)
    raise failure or NetworkError(f"there is no mirror for `{name}`")


def _pin(release: Release, architecture: str) -> IndexPin:
    path = f"{_COMPONENT}/binary-{architecture}/Packages"
    packages, plain = release.find(f"{path}.xz"), release.find(path)
    if packages is None or plain is None:
        raise IntegrityError(f"`{release.name}` promises no index", causes=(f"it does not name `{path}.xz`",))
    return IndexPin(
        name=release.name,
        date=release.date.isoformat(timespec="seconds"),
        release=release.digest,
        by_hash=release.by_hash,
        packages=packages,
        unpacked=plain.size,
        contents=release.find(f"{_COMPONENT}/Contents-{architecture}.gz"),
    )


def _read(snapshot: Snapshot, pin: IndexPin, supply: Supply) -> PackagesIndex:
    path = fetch_index(snapshot, pin, pin.packages, supply)
    return read_packages(path, size=pin.unpacked, archive=pin.name)
