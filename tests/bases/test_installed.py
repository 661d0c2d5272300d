"""Packages of an image, read from layers."""

from __future__ import annotations

import pytest
from make.bases import Layer, openers

from tare.bases import installed
from tare.bases.debian.updates import suite_of
from tare.bases.installed import Installed, Package
from tare.errors import HostileInputError

TRIXIE = b'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'


def stanza(name: str, version: str = "1.0-1", architecture: str = "amd64", status: str = "install ok installed") -> str:
    line = f"Status: {status}\n" if status else ""
    return f"Package: {name}\n{line}Architecture: {architecture}\nVersion: {version}\nDescription: a\n longer text\n"


def read(*layers: Layer) -> Installed:
    return installed.read(openers(*layers), what="the image")


def packages(*layers: Layer) -> list[tuple[str, str]]:
    return [(package.name, package.version) for package in read(*layers).debian]


def test_dpkg_status_lists_what_is_installed() -> None:
    status = "\n".join(
        (
            stanza("libc6", "2.41-12"),
            stanza("gone", status="deinstall ok config-files"),
            stanza("half", status="install reinstreq half-installed"),
            stanza("held", status="hold ok installed"),
            stanza("tzdata", "2026b-1", "all"),
        )
    )
    found = read({"etc/os-release": TRIXIE, "var/lib/dpkg/status": status.encode()})

    assert found == Installed(
        os="debian",
        release="13",
        codename="trixie",
        pretty="Debian GNU/Linux 13 (trixie)",
        debian=(
            Package(name="held", version="1.0-1", architecture="amd64"),
            Package(name="libc6", version="2.41-12", architecture="amd64"),
            Package(name="tzdata", version="2026b-1", architecture="all"),
        ),
        apk=0,
        rpm=False,
    )


def test_status_d_has_a_file_for_each_package_without_a_status() -> None:
    layer: Layer = {
        "var/lib/dpkg/status.d/base": stanza("base-files", "13.8", status="").encode(),
        "var/lib/dpkg/status.d/base.md5sums": b"00 usr/bin/x\n",
        "var/lib/dpkg/status.d/libc6": stanza("libc6", "2.41-12", status="").encode(),
    }
    assert packages(layer) == [("base-files", "13.8"), ("libc6", "2.41-12")]


def test_the_topmost_layer_wins() -> None:
    assert packages(
        {"var/lib/dpkg/status": stanza("libc6", "1").encode()},
        {"var/lib/dpkg/status": stanza("libc6", "2").encode()},
    ) == [("libc6", "2")]


@pytest.mark.parametrize(
    "above",
    [
        {"var/lib/dpkg/.wh.status": b""},
        {"var/lib/dpkg/.wh..wh..opq": b""},
        {"var/lib/.wh.dpkg": b""},
        {".wh.var": b""},
    ],
)
def test_a_whiteout_takes_a_database_away(above: Layer) -> None:
    assert packages({"var/lib/dpkg/status": stanza("libc6").encode()}, above) == []


def test_a_whiteout_takes_one_package_of_status_d_away() -> None:
    below: Layer = {f"var/lib/dpkg/status.d/{name}": stanza(name, status="").encode() for name in ("a", "b")}
    assert packages(below, {"var/lib/dpkg/status.d/.wh.a": b""}) == [("b", "1.0-1")]


def test_links_are_followed_within_the_image() -> None:
    layer: Layer = {
        "usr/lib/os-release": TRIXIE,
        "etc/os-release": "../usr/lib/os-release",
        "usr/lib/sysimage/dpkg/status": stanza("libc6").encode(),
        "var/lib/dpkg": "../../usr/lib/sysimage/dpkg",
    }
    assert read(layer).codename == "trixie"


def test_apk_and_rpm_are_seen_and_counted_as_far_as_that_goes() -> None:
    alpine = read(
        {
            "etc/os-release": b'ID=alpine\nVERSION_ID=3.24.0\nPRETTY_NAME="Alpine Linux v3.24"\n',
            "lib/apk/db/installed": b"C:Q1\nP:musl\nV:1.2.6-r0\n\nC:Q1\nP:busybox\nV:1.37.0-r20\n",
        }
    )
    fedora = read({"usr/lib/os-release": b"ID=fedora\n", "usr/lib/sysimage/rpm/rpmdb.sqlite": b"SQLite format 3\0"})
    assert (alpine.os, alpine.pretty, alpine.apk, alpine.rpm, alpine.debian) == (
        "alpine",
        "Alpine Linux v3.24",
        2,
        False,
        (),
    )
    assert (fedora.os, fedora.apk, fedora.rpm) == ("fedora", 0, True)


def test_an_image_from_scratch_has_nothing() -> None:
    assert read({"app": b"\x7fELF"}) == Installed(
        os="", release="", codename="", pretty="", debian=(), apk=0, rpm=False
    )


def test_a_database_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "MAX_KEPT", 1000)
    with pytest.raises(HostileInputError, match="the package databases of the image are too large"):
        read({"var/lib/dpkg/status": b"a" * 600}, {"var/lib/dpkg/status": b"b" * 600})


def test_bytes_that_are_no_database_are_no_packages() -> None:
    assert packages({"var/lib/dpkg/status": bytes(range(256)) * 4}) == []


@pytest.mark.parametrize(
    ("release", "codename"),
    [
        (TRIXIE, "trixie"),
        (b'ID=debian\nVERSION_ID="12"\n', "bookworm"),
        (b"ID='debian'\nVERSION_CODENAME=bookworm\n", "bookworm"),
        (b"ID=debian\n", None),
        (b'ID=debian\nVERSION_ID="11"\nVERSION_CODENAME=bullseye\n', None),
        (b'ID=ubuntu\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n', None),
        (b'ID=raspbian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n', None),
    ],
)
def test_the_suite_comes_from_os_release(release: bytes, codename: str | None) -> None:
    suite = suite_of(read({"etc/os-release": release}))
    assert (suite.codename if suite else None) == codename
