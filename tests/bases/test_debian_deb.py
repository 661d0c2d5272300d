"""`.deb` packages: read whole, or refused with one error."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mirror import Content, HardLink, Package, Special, Symlink, ar, compress, tar

from tare.bases.debian.deb import Deb, open_deb
from tare.bases.debian.inflate import inflated
from tare.errors import HostileInputError, IntegrityError

HELLO = Package(name="hello", files={"usr/bin/hello": b"hi", "usr/bin/hallo": Symlink("hello")}, postinst="exit 0\n")
CONTROL = b"Package: hello\nVersion: 1\nArchitecture: amd64\n"


def read(path: Path) -> dict[str, bytes]:
    """Return a package's files, all of it read."""
    with open_deb(path, what="`hello.deb`") as deb:
        return contents(deb)


def contents(deb: Deb) -> dict[str, bytes]:
    return {entry.path: deb.content.read() for entry in deb.content if entry.kind == "file"}


@pytest.fixture
def deb(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "hello.deb"
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
def test_all_compressions_of_debian_are_read(deb: Callable[[bytes], Path], ending: str) -> None:
    package = Package(name="hello", files={"usr/bin/hello": b"hi" * 100_000}, ending=ending)

    assert read(deb(package.deb())) == {"usr/bin/hello": b"hi" * 100_000}


def test_control_files_are_read(deb: Callable[[bytes], Path]) -> None:
    with open_deb(deb(HELLO.deb()), what="`hello.deb`") as found:
        fields = found.fields()
        assert (fields["Package"], fields["Version"], fields["Architecture"]) == ("hello", "1.0-1", "amd64")
        assert found.control.startswith(b"Package: hello\n")
        assert found.md5sums == b"49f68a5c8493ec2c0bf489821c21fc3b  usr/bin/hello\n"
        assert found.postinst == b"exit 0\n"
        contents(found)


def parts(**changes: bytes | None) -> bytes:
    """Return a package of the usual members, some of them changed; None takes one away."""
    members: dict[str, bytes | None] = {
        "debian-binary": b"2.0\n",
        "control.tar": tar({"control": CONTROL}),
        "data.tar": tar({"a": b"1"}),
    }
    members |= {name.replace("_", "."): data for name, data in changes.items()}
    return ar({name: data for name, data in members.items() if data is not None})


SOUND = parts()

BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "another format": b"PK\x03\x04" + SOUND,
    "only the magic": SOUND[:8],
    "a header that is cut off": SOUND[:40],
    "a member that is cut off": SOUND[:-600],
    "padding that is cut off": ar({"debian-binary": b"2.0"})[:-1],
    "a header without its end": SOUND.replace(b"`\n", b"xx", 1),
    "a size that is no number": SOUND.replace(b"4         `", b"four      `", 1),
    "a size that is negative": SOUND.replace(b"4         `", b"-4        `", 1),
    "a size beyond the file": SOUND.replace(b"4         `", b"9999999999`", 1),
    "a member with a path": ar({"../evil": b""}),
    "a member without a name": ar({"": b""}),
    "no format": ar({"control.tar": tar({"control": CONTROL}), "data.tar": tar({})}),
    "format 3": ar({"debian-binary": b"3.0\n", "control.tar": tar({"control": CONTROL}), "data.tar": tar({})}),
    "no control archive": ar({"debian-binary": b"2.0\n", "data.tar": tar({})}),
    "no content": ar({"debian-binary": b"2.0\n", "control.tar": tar({"control": CONTROL})}),
    "content before control": ar({"debian-binary": b"2.0\n", "data.tar": tar({}), "control.tar": tar({})}),
    "a second content": ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar": tar({"control": CONTROL}),
            "data.tar": tar({}),
            "data.tar.gz": compress(tar({}), ".gz"),
        }
    ),
    "an unknown compression": ar(
        {"debian-binary": b"2.0\n", "control.tar": tar({"control": CONTROL}), "data.tar.lz4": tar({})}
    ),
    "no control file": ar({"debian-binary": b"2.0\n", "control.tar": tar({"md5sums": b""}), "data.tar": tar({})}),
    "xz that is none": ar(
        {"debian-binary": b"2.0\n", "control.tar": tar({"control": CONTROL}), "data.tar.xz": b"not xz"}
    ),
    "xz that is cut off": ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar": tar({"control": CONTROL}),
            "data.tar.xz": compress(tar({"a": b"1"}), ".xz")[:-20],
        }
    ),
    "xz with something after it": ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar": tar({"control": CONTROL}),
            "data.tar.xz": compress(tar({"a": b"1"}), ".xz") + b"more",
        }
    ),
    "zstd that is none": ar(
        {"debian-binary": b"2.0\n", "control.tar": tar({"control": CONTROL}), "data.tar.zst": b"not zstd"}
    ),
    "gzip that is cut off": ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar": tar({"control": CONTROL}),
            "data.tar.gz": compress(tar({"a": b"1"}), ".gz")[:-12],
        }
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_package_is_one_error(deb: Callable[[bytes], Path], name: str) -> None:
    with pytest.raises(IntegrityError):
        read(deb(BROKEN[name]))


def test_two_control_files_are_refused(deb: Callable[[bytes], Path]) -> None:
    twice = tar({"control": CONTROL})[:1024] + tar({"control": CONTROL})
    data = ar({"debian-binary": b"2.0\n", "control.tar": twice, "data.tar": tar({})})

    with pytest.raises(HostileInputError, match=r"^`hello\.deb` is not a sound package$"):
        read(deb(data))


def test_a_signature_after_the_content_is_passed_over(deb: Callable[[bytes], Path]) -> None:
    members = {
        "debian-binary": b"2.0\n",
        "control.tar": tar({"control": CONTROL}),
        "data.tar": tar({"a": b"1"}),
        "_gpgorigin": b"signature",
    }

    assert read(deb(ar(members))) == {"a": b"1"}


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst"])
def test_a_bomb_is_not_inflated_beyond_its_limit(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(compress(bytes(5_000_000), ending))
    kind = {"": "none", ".gz": "gzip", ".xz": "xz", ".zst": "zstd"}[ending]

    with path.open("rb") as file, pytest.raises(HostileInputError) as caught:
        inflated(file, kind, limit=1_000_000, what="`bomb`").read()
    assert caught.value.causes == ("the limit is 1,000,000 bytes",)


def test_entries_of_all_kinds_reach_the_caller(deb: Callable[[bytes], Path]) -> None:
    files: dict[str, Content] = {
        "a": b"1",
        "b": HardLink("a"),
        "c": Symlink("a"),
        "d": None,
        "e": Special(tarfile.FIFOTYPE),
    }
    data = ar({"debian-binary": b"2.0\n", "control.tar": tar({"control": CONTROL}), "data.tar": tar(files)})

    with open_deb(deb(data), what="`hello.deb`") as found:
        kinds = [(entry.path, entry.kind, entry.target) for entry in found.content]
    assert kinds == [
        ("a", "file", ""),
        ("b", "hardlink", "./a"),
        ("c", "symlink", "a"),
        ("d", "directory", ""),
        ("e", "fifo", ""),
    ]
