"""Releases: signed by the right key, of the right suite, of today; and indexes that are what the release promises."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from mirror import NOW, Folder, Mirror, Package, date, make_key

from tare.bases.debian.blobs import Supply
from tare.bases.debian.snapshot import Snapshot, open_snapshot, take_snapshot
from tare.bases.debian.sources import Sources
from tare.bases.debian.tables import tables
from tare.errors import IntegrityError, NetworkError, TareError, TargetError
from tare.net.fetch import Fetcher


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    found = Mirror(tmp_path / "mirror")
    found.add(Package(name="hello", version="1.0-1"))
    found.add(Package(name="hello", version="1.0-1+deb13u2"), suffix="-security")
    found.add(Package(name="hello", version="1.0-1+deb13u1"), suffix="-updates")
    return found


def supply_of(mirror: Mirror, sources: Sources | None = None) -> Supply:
    return Supply(
        sources=lambda: sources or mirror.sources(),
        fetcher=Fetcher(attempts=1),
        blobs=Folder(mirror.root.parent / "cache"),
    )


def snapshot_of(mirror: Mirror, sources: Sources | None = None, *, architecture: str = "amd64") -> Snapshot:
    suite = tables().find_suite(mirror.codename)
    return take_snapshot(suite, architecture, supply_of(mirror, sources), now=NOW, log=lambda _: None)


def refusal(mirror: Mirror, sources: Sources | None = None) -> TareError:
    with pytest.raises(TareError) as caught:
        open_snapshot(snapshot_of(mirror, sources), supply_of(mirror, sources))
    return caught.value


def change(mirror: Mirror, how: Callable[[bytes], bytes], *, suffix: str = "") -> str:
    """Change a published release, and return its address."""
    path = mirror.directory(suffix) / "InRelease"
    path.write_bytes(how(path.read_bytes()))
    return f"`{path.as_uri()}`"


def test_the_highest_version_of_all_archives_wins(mirror: Mirror) -> None:
    mirror.publish()
    snapshot = snapshot_of(mirror)

    found = open_snapshot(snapshot, supply_of(mirror)).find("hello")

    assert found is not None
    assert (found.version, found.archive) == ("1.0-1+deb13u2", "trixie-security")
    assert [pin.name for pin in snapshot.indexes] == ["trixie", "trixie-updates", "trixie-security"]
    assert snapshot.taken == "2026-11-24T12:00:00+00:00"


def test_a_snapshot_is_kept_without_its_mirror(mirror: Mirror) -> None:
    mirror.publish()
    snapshot = snapshot_of(mirror)
    open_snapshot(snapshot, supply_of(mirror))
    mirror.add(Package(name="hello", version="9.0"), suffix="-security")
    mirror.publish()

    def nobody() -> Sources:
        raise AssertionError

    blobs = Folder(mirror.root.parent / "cache")
    found = open_snapshot(snapshot, Supply(sources=nobody, fetcher=Fetcher(offline=True), blobs=blobs)).find("hello")
    assert found is not None
    assert found.version == "1.0-1+deb13u2"


def test_a_changed_release_is_refused(mirror: Mirror) -> None:
    mirror.publish()
    what = change(mirror, lambda data: data.replace(b"Origin: Debian", b"Origin: Debiam"))

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert error.message == f"the signature of {what} is not valid"
    assert error.causes[0] == "Signature verification failed: no valid signatures found."
    assert error.causes[-1] == "the keys of `test.gpg` were tried"


def test_an_unsigned_release_is_refused(mirror: Mirror) -> None:
    mirror.publish()
    what = change(mirror, lambda _: mirror.text("", {}).encode())

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert error.message == f"{what} is not signed"


def test_a_release_that_another_key_signed_is_refused(mirror: Mirror) -> None:
    mirror.publish()

    error = refusal(mirror, mirror.sources(key="stranger"))
    assert isinstance(error, IntegrityError)
    fingerprint = make_key("archive").extract_certificate().fingerprint
    assert fingerprint not in error.causes[-1]
    assert error.hints == ("Bring `debian-archive-keyring` up to date, or name a keyring with `TARE_DEBIAN_KEYRING`",)


def test_only_the_named_fingerprints_may_sign(mirror: Mirror) -> None:
    mirror.publish()
    fingerprint = make_key("archive").extract_certificate().fingerprint

    snapshot_of(mirror, mirror.sources(fingerprints=(fingerprint,)))
    error = refusal(mirror, mirror.sources(fingerprints=("ab" * 20,)))
    assert isinstance(error, IntegrityError)
    assert "a key that may not sign it" in error.message


def test_nothing_before_the_signed_message_is_accepted(mirror: Mirror) -> None:
    mirror.publish()
    change(mirror, lambda data: b"Codename: evil\n\n" + data)

    assert refusal(mirror).message.endswith("is not signed")


def test_nothing_after_the_signed_message_counts(mirror: Mirror) -> None:
    mirror.publish()
    before = snapshot_of(mirror)
    change(mirror, lambda data: data + b"\nAcquire-By-Hash: no\nSHA256:\n 00 1 main/binary-amd64/Packages.xz\n")

    assert snapshot_of(mirror).indexes[0].packages == before.indexes[0].packages


@pytest.mark.parametrize("cut", [0, 10, 100, -200])
def test_a_release_that_is_cut_off_is_refused(mirror: Mirror, cut: int) -> None:
    mirror.publish()
    change(mirror, lambda data: data[:cut])

    assert isinstance(refusal(mirror), IntegrityError)


def test_a_stale_release_is_refused_unless_its_entry_says_that_it_may_be(mirror: Mirror) -> None:
    mirror.release["-security"] = {"Valid-Until": date(NOW - timedelta(minutes=1))}
    mirror.publish()

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert error.message.endswith("InRelease` is stale")
    assert error.causes == ("it was valid until 2026-11-24 11:59 UTC; it is 2026-11-24 12:00 UTC",)
    assert snapshot_of(mirror, mirror.sources(may_be_stale=True)).suite == "trixie"


def test_a_release_without_an_end_is_taken(mirror: Mirror) -> None:
    mirror.release[""] = {"Valid-Until": None}
    mirror.publish()

    assert snapshot_of(mirror).suite == "trixie"


def test_a_release_from_the_future_is_refused(mirror: Mirror) -> None:
    mirror.release[""] = {"Date": date(NOW + timedelta(hours=2))}
    mirror.publish()

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert error.message.endswith("is from the future")


@pytest.mark.parametrize("field", ["Date", "Valid-Until"])
@pytest.mark.parametrize(
    "value", ["soon", "Tue, 24 Nov 2026", "Tue, 32 Nov 2026 00:00:00 UTC", "Tue, 24 Foo 2026 00:00:00 UTC"]
)
def test_a_date_that_makes_no_sense_is_refused(mirror: Mirror, field: str, value: str) -> None:
    mirror.release[""] = {field: value}
    mirror.publish()

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert error.causes == (f"{field}: `{value}`",)


@pytest.mark.parametrize("codename", ["bookworm", "trixie-proposed", "", "Trixie"])
def test_another_suite_is_refused_although_it_is_signed(mirror: Mirror, codename: str) -> None:
    mirror.release[""] = {"Codename": codename}
    mirror.publish()

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert error.causes == (f"expected the codename `trixie`, got `{codename}`",)


def test_the_main_suite_cannot_stand_for_its_security_updates(mirror: Mirror) -> None:
    mirror.publish()
    (mirror.directory("-security") / "InRelease").write_bytes((mirror.directory("") / "InRelease").read_bytes())

    assert refusal(mirror).causes == ("expected the codename `trixie-security`, got `trixie`",)


def test_an_archive_that_is_missing_is_an_error_of_the_network(mirror: Mirror) -> None:
    mirror.publish()
    (mirror.directory("-security") / "InRelease").unlink()

    assert isinstance(refusal(mirror), NetworkError)


def test_an_architecture_that_the_suite_lacks_is_an_error_of_the_target(mirror: Mirror) -> None:
    mirror.publish()

    with pytest.raises(TargetError) as caught:
        snapshot_of(mirror, architecture="riscv64")
    assert caught.value.causes == ("it has `amd64`, `arm64`",)


@pytest.mark.parametrize("by_hash", [True, False])
def test_an_index_that_is_not_what_was_promised_is_refused(mirror: Mirror, *, by_hash: bool) -> None:
    mirror.by_hash = by_hash
    mirror.publish()
    evil = lzma.compress(b"Package: evil\n")
    for path in mirror.directory("").rglob("*"):
        if path.is_file() and path.read_bytes()[:6] == b"\xfd7zXZ\0":
            path.write_bytes(evil)

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert "is not what was promised" in error.message
    assert error.hints == (
        "A mirror that is being updated is like this for a while: run the command again later, or name another mirror "
        "with `TARE_DEBIAN_MIRROR`",
    )
    assert not list((mirror.root.parent / "cache").rglob("*.part"))


def test_an_index_is_asked_for_by_path_where_its_digest_is_no_name(mirror: Mirror) -> None:
    mirror.publish()
    for path in mirror.root.rglob("by-hash/SHA256/*"):
        path.unlink()

    assert open_snapshot(snapshot_of(mirror), supply_of(mirror)).find("hello") is not None


@pytest.mark.parametrize("plain", [b"", b"Package: a\n", bytes(1000)])
def test_an_index_has_the_size_that_was_promised_for_its_plain_text(mirror: Mirror, plain: bytes) -> None:
    """A bomb of a megabyte that promises less is not inflated further than it promised."""
    bomb = lzma.compress(bytes(1_000_000))
    path = "main/binary-amd64/Packages"
    mirror.publish()
    directory = mirror.directory("")
    (directory / f"{path}.xz").write_bytes(bomb)
    (directory / "InRelease").write_bytes(mirror.signed(mirror.text("", {path: plain, f"{path}.xz": bomb})))

    error = refusal(mirror)
    assert isinstance(error, IntegrityError)
    assert "the index of `trixie`" in error.message


def test_a_release_without_the_index_is_refused(mirror: Mirror) -> None:
    mirror.release[""] = {"SHA256": ""}
    mirror.publish()

    assert refusal(mirror).causes == ("it does not name `main/binary-amd64/Packages.xz`",)


@pytest.mark.parametrize("filename", ["../../etc/passwd", "/etc/passwd", "pool//x", "pool/./x", ""])
def test_a_package_cannot_lie_outside_of_the_archive(mirror: Mirror, filename: str) -> None:
    text = f"Package: evil\nVersion: 1\nArchitecture: amd64\nFilename: {filename}\nSize: 1\nSHA256: {'0' * 64}\n"
    path = "main/binary-amd64/Packages"
    mirror.publish()
    data = lzma.compress(text.encode())
    directory = mirror.directory("")
    for name in (f"{path}.xz", f"main/binary-amd64/by-hash/SHA256/{hashlib.sha256(data).hexdigest()}"):
        (directory / name).write_bytes(data)
    (directory / "InRelease").write_bytes(mirror.signed(mirror.text("", {path: text.encode(), f"{path}.xz": data})))
    universe = open_snapshot(snapshot_of(mirror), supply_of(mirror))

    with pytest.raises(IntegrityError, match="the index of `trixie` is not sound"):
        universe.find("evil")


def test_a_suite_without_security_updates_is_warned_of(mirror: Mirror) -> None:
    mirror.publish()
    sources = mirror.sources()
    main_only = Sources(archives=sources.archives[:1], origin="the test")
    said: list[str] = []

    take_snapshot(tables().find_suite("trixie"), "amd64", supply_of(mirror, main_only), now=NOW, log=said.append)

    assert said == ["the test names no security archive: `deb:trixie` will lack security updates"]
