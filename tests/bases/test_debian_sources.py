"""Mirrors and keys: what a machine's apt configuration says, and what a person does."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tare.bases.debian.apt import from_machine
from tare.bases.debian.sources import Archive, Keyring, Sources, from_options
from tare.errors import UsageError

RING = b"a keyring"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root file system with Debian's keyring and others."""
    rings = tmp_path / "usr/share/keyrings"
    rings.mkdir(parents=True)
    (rings / "debian-archive-keyring.gpg").write_bytes(RING)
    (rings / "debian-archive-removed-keys.gpg").write_bytes(b"removed")
    (rings / "other.gpg").write_bytes(b"another archive's")
    (tmp_path / "etc/apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "etc/apt/trusted.gpg.d").mkdir()
    return tmp_path


def write(machine: Path, name: str, text: str) -> None:
    (machine / "etc/apt" / name).write_text(dedent(text))


def ring(machine: Path) -> Keyring:
    return Keyring(name=str(machine / "usr/share/keyrings/debian-archive-keyring.gpg"), data=RING)


def test_deb822_sources_are_read_with_their_key(machine: Path) -> None:
    write(
        machine,
        "sources.list.d/debian.sources",
        """\
        Types: deb
        # a comment
        URIs: http://mirror.example/debian/
        Suites: bookworm bookworm-updates
        Components: main contrib
        Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

        Types: deb deb-src
        URIs: http://mirror.example/debian-security
        Suites: bookworm-security
        Components: main
        Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
        """,
    )

    assert from_machine(machine) == Sources(
        archives=(
            Archive(mirrors=("http://mirror.example/debian",), suffixes=("", "-updates"), keyrings=(ring(machine),)),
            Archive(
                mirrors=("http://mirror.example/debian-security",), suffixes=("-security",), keyrings=(ring(machine),)
            ),
        ),
        origin=f"apt's configuration in `{machine / 'etc/apt'}`",
    )


def test_one_line_sources_are_read_and_others_passed_over(machine: Path) -> None:
    write(
        machine,
        "sources.list",
        """\
        # deb http://old.example/debian bookworm main
        deb-src http://mirror.example/debian bullseye main
        deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bullseye main # here
        deb http://mirror.example/debian bullseye-updates main
        deb http://mirror.example/security bullseye/updates main
        """,
    )
    write(machine, "sources.list.d/docker.list", "deb https://docker.example/linux/debian bookworm stable\n")
    write(machine, "sources.list.d/a.list", "deb https://vendor.example/repo bookworm main\n")
    write(machine, "sources.list.d/off.list.disabled", "deb https://off.example/debian bookworm main\n")

    found = from_machine(machine)

    assert [(archive.mirrors, archive.suffixes) for archive in found.archives] == [
        (("http://mirror.example/debian",), ("", "-updates")),
        (("http://mirror.example/security",), ("-security",)),
    ]


def test_debians_own_archive_is_the_one_that_has_updates(machine: Path) -> None:
    write(machine, "sources.list.d/a-vendor.list", "deb https://vendor.example/repo bookworm main\n")
    write(
        machine,
        "sources.list.d/debian.list",
        "deb http://mirror.example/debian bookworm main\ndeb http://mirror.example/debian bookworm-updates main\n",
    )

    assert from_machine(machine).archives[0].mirrors == ("http://mirror.example/debian",)


def test_one_archive_can_hold_all_suites(machine: Path) -> None:
    write(
        machine,
        "sources.list",
        """\
        deb file:/srv/mirror bookworm main
        deb file:/srv/mirror bookworm-updates main
        deb file:/srv/mirror bookworm-security main
        """,
    )

    (archive,) = from_machine(machine).archives
    assert archive.suffixes == ("", "-security", "-updates")


def test_a_machine_without_security_archive_says_so(machine: Path) -> None:
    write(machine, "sources.list", "deb http://mirror.example/debian sid main\n")

    assert not from_machine(machine).has_security


def test_a_disabled_stanza_is_passed_over(machine: Path) -> None:
    write(
        machine,
        "sources.list.d/x.sources",
        """\
        Enabled: no
        Types: deb
        URIs: http://mirror.example/debian
        Suites: bookworm
        Components: main
        """,
    )

    with pytest.raises(UsageError) as caught:
        from_machine(machine)
    assert caught.value.causes == (f"`{machine / 'etc/apt'}` has no sources",)


def test_lists_of_mirrors_are_followed(machine: Path) -> None:
    (machine / "etc/apt/mirrors").mkdir()
    write(machine, "mirrors/debian.list", "https://one.example/debian/\tpriority:1\nhttps://two.example/debian\n")
    write(machine, "sources.list", "deb mirror+file:///etc/apt/mirrors/debian.list bookworm main\n")

    assert from_machine(machine).archives[0].mirrors == ("https://one.example/debian", "https://two.example/debian")


def test_addresses_that_cannot_be_fetched_are_no_mirrors(machine: Path) -> None:
    write(
        machine,
        "sources.list",
        "deb cdrom:[Debian]/ bookworm main\ndeb tor+http://a.example bookworm main\ndeb copy:/srv/d bookworm main\n",
    )

    assert from_machine(machine).archives[0].mirrors == ("file:/srv/d",)


def test_keys_within_the_sources_and_fingerprints_are_understood(machine: Path) -> None:
    write(
        machine,
        "sources.list.d/x.sources",
        """\
        Types: deb
        URIs: http://mirror.example/debian
        Suites: bookworm
        Components: main
        Check-Valid-Until: no
        Signed-By:
         -----BEGIN PGP PUBLIC KEY BLOCK-----
         .
         abc
         -----END PGP PUBLIC KEY BLOCK-----
        """,
    )
    (archive,) = from_machine(machine).archives
    assert archive.keyrings[0].data == (
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
    )
    assert archive.may_be_stale

    (machine / "etc/apt/sources.list.d/x.sources").unlink()
    write(machine, "sources.list", f"deb [signed-by={'AB' * 20}!] http://mirror.example/debian bookworm main\n")
    (archive,) = from_machine(machine).archives
    assert archive.fingerprints == ("ab" * 20,)
    assert archive.keyrings == (ring(machine),)


def test_without_signed_by_only_debians_keys_are_trusted(machine: Path) -> None:
    (machine / "etc/apt/trusted.gpg.d/debian.asc").write_bytes(b"armoured")
    (machine / "etc/apt/trusted.gpg.d/README").write_bytes(b"not a key")
    write(machine, "sources.list", "deb http://mirror.example/debian bookworm main\n")

    (archive,) = from_machine(machine).archives
    assert [Path(keyring.name).name for keyring in archive.keyrings] == ["debian-archive-keyring.gpg", "debian.asc"]


@pytest.mark.parametrize("text", [None, "deb http://archive.example/ubuntu noble main universe\n"])
def test_a_machine_that_is_not_debian_gets_a_hint(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "etc/apt").mkdir(parents=True)
    if text:
        write(tmp_path, "sources.list", text)

    with pytest.raises(UsageError) as caught:
        from_machine(tmp_path)

    assert caught.value.message == "this machine does not say where Debian's packages are"
    assert caught.value.causes == (
        f"`{tmp_path / 'etc/apt'}` has no sources"
        if text is None
        else "its sources are for `noble`, and none of these is a release of Debian",
    )
    assert "`TARE_DEBIAN_MIRROR`" in caught.value.hints[0]


def test_a_keyring_that_is_gone_is_named(machine: Path) -> None:
    write(machine, "sources.list", "deb [signed-by=/gone.gpg] http://mirror.example/debian bookworm main\n")

    with pytest.raises(UsageError, match=r"^the keyring `.*/gone\.gpg` cannot be read$"):
        from_machine(machine)


def test_options_name_mirrors_and_keys(machine: Path) -> None:
    own = machine / "own.gpg"
    own.write_bytes(b"mine")

    found = from_options(
        mirror="https://m.example/debian/", security_mirror="https://m.example/sec", keyrings=(own,), root=machine
    )
    assert found == Sources(
        archives=(
            Archive(
                mirrors=("https://m.example/debian",),
                suffixes=("", "-updates"),
                keyrings=(Keyring(name=str(own), data=b"mine"),),
            ),
            Archive(
                mirrors=("https://m.example/sec",),
                suffixes=("-security",),
                keyrings=(Keyring(name=str(own), data=b"mine"),),
            ),
        ),
        origin="the options",
    )


def test_without_named_keys_the_machines_are_taken_or_missed(machine: Path, tmp_path: Path) -> None:
    found = from_options(mirror="https://m.example", security_mirror=None, keyrings=(), root=machine)
    assert found.archives[0].keyrings == (ring(machine),)

    with pytest.raises(UsageError) as caught:
        from_options(mirror="https://m.example", security_mirror=None, keyrings=(), root=tmp_path / "macos")
    assert caught.value.hints == ("Name one with `TARE_DEBIAN_KEYRING`; the package `debian-archive-keyring` has them",)
