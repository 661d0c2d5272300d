"""An image's packages against the suite of today."""

from __future__ import annotations

from pathlib import Path

from mirror import NOW, Folder, Mirror
from mirror import Package as Deb

from tare.bases.debian.blobs import Supply
from tare.bases.debian.snapshot import open_snapshot, take_snapshot
from tare.bases.debian.tables import tables
from tare.bases.debian.universe import Universe
from tare.bases.debian.updates import Compared, Update, compare
from tare.bases.installed import Package
from tare.net.fetch import Fetcher


def universe(root: Path, **archives: list[Deb]) -> Universe:
    """Return what a mirror has: packages of `main`, `updates` and `security`."""
    mirror = Mirror(root / "mirror")
    for name, packages in archives.items():
        mirror.add(*packages, suffix="" if name == "main" else f"-{name}")
    mirror.publish()
    fetcher = Fetcher()
    supply = Supply(sources=mirror.sources, fetcher=fetcher, blobs=Folder(root))
    suite = tables().find_suite("trixie")
    try:
        snapshot = take_snapshot(suite, "amd64", supply, now=NOW, log=lambda _: None)
        return open_snapshot(snapshot, supply)
    finally:
        fetcher.close()


def package(name: str, version: str, architecture: str = "amd64") -> Package:
    return Package(name=name, version=version, architecture=architecture)


def test_newer_versions_are_found_and_say_where_they_are(tmp_path: Path) -> None:
    known = universe(
        tmp_path,
        main=[Deb(name="openssl", version="3.5.1-1"), Deb(name="tzdata", version="2026a-1", architecture="all")],
        updates=[Deb(name="tzdata", version="2026b-0+deb13u1", architecture="all")],
        security=[Deb(name="openssl", version="3.5.1-1+deb13u2")],
    )
    found = compare([package("tzdata", "2026a-1", "all"), package("openssl", "3.5.1-1+deb13u1")], known)

    assert found == Compared(
        updates=(
            Update(
                name="openssl",
                installed="3.5.1-1+deb13u1",
                available="3.5.1-1+deb13u2",
                archive="trixie-security",
                security=True,
            ),
            Update(
                name="tzdata",
                installed="2026a-1",
                available="2026b-0+deb13u1",
                archive="trixie-updates",
                security=False,
            ),
        ),
        checked=2,
        unknown=(),
    )


def test_versions_are_compared_as_debian_compares_them(tmp_path: Path) -> None:
    known = universe(
        tmp_path,
        main=[Deb(name="a", version="1.10-1"), Deb(name="b", version="1.0~rc1-1"), Deb(name="c", version="1:0.9-1")],
    )
    found = compare([package("a", "1.9-1"), package("b", "1.0-1"), package("c", "5.0-1")], known)
    assert [(update.name, update.available) for update in found.updates] == [("a", "1.10-1"), ("c", "1:0.9-1")]


def test_what_is_up_to_date_or_ahead_is_no_update(tmp_path: Path) -> None:
    known = universe(tmp_path, main=[Deb(name="a", version="1.0-1"), Deb(name="b", version="1.0-1")])
    assert compare([package("a", "1.0-1"), package("b", "2.0-1")], known) == Compared(updates=(), checked=2, unknown=())


def test_a_security_update_that_moved_into_a_point_release_is_still_one(tmp_path: Path) -> None:
    known = universe(
        tmp_path,
        main=[Deb(name="openssl", version="3.5.2-1")],
        security=[Deb(name="openssl", version="3.5.1-1+deb13u2")],
    )
    (update,) = compare([package("openssl", "3.5.1-1")], known).updates
    assert (update.available, update.archive, update.security) == ("3.5.2-1", "trixie", True)


def test_what_the_suite_does_not_have_is_unknown_and_not_fine(tmp_path: Path) -> None:
    known = universe(tmp_path, main=[Deb(name="a"), Deb(name="foreign", version="9-1")])
    found = compare([package("a", "1.0-1"), package("foreign", "1-1", "i386"), package("own", "1-1")], known)
    assert found == Compared(updates=(), checked=1, unknown=("foreign:i386", "own"))
