"""Shared libraries: which package has one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from mirror import NOW, Folder, Mirror, Package

from tare.bases.debian.blobs import Supply
from tare.bases.debian.contents import Provider, packages_of, search
from tare.bases.debian.snapshot import take_snapshot
from tare.bases.debian.tables import tables
from tare.errors import IntegrityError
from tare.net.fetch import Fetcher

CONTENTS = """\
usr/lib/x86_64-linux-gnu/libfoo.so.1                 libs/libfoo1
usr/lib/x86_64-linux-gnu/libfoo.so.1.2               libs/libfoo1
lib/x86_64-linux-gnu/libbar.so.0                     admin/bar-tools,contrib/libs/libbar-extra,libs/libbar0
usr/lib/libbaz.so.9\t\tmisc/baz
usr/lib/x86_64-linux-gnu/private/libfoo.so.2         libs/libfoo2
usr/share/doc/libqux.so.1                            doc/qux
usr/lib/aarch64-linux-gnu/libfoo.so.1                libs/libfoo1-cross
usr/lib/x86_64-linux-gnu/libfoo+.so.1                libs/libfooplus"""


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "Contents.gz"
    path.write_bytes(gzip.compress(CONTENTS.encode()))
    return path


def test_only_directories_of_the_loader_count(index: Path) -> None:
    wanted = ["libfoo.so.1", "libfoo.so.2", "libbar.so.0", "libbaz.so.9", "libqux.so.1", "libfoo+.so.1", "libfooX.so.1"]

    assert search(index, wanted, triplet="x86_64-linux-gnu") == {
        "libfoo.so.1": {"libs/libfoo1"},
        "libbar.so.0": {"admin/bar-tools", "contrib/libs/libbar-extra", "libs/libbar0"},
        "libbaz.so.9": {"misc/baz"},
        "libfoo+.so.1": {"libs/libfooplus"},
    }


def test_lines_over_the_bounds_of_pieces_are_found(tmp_path: Path) -> None:
    path = tmp_path / "Contents.gz"
    filler = "".join(f"usr/share/filler/{number:040}    misc/filler\n" for number in range(150_000))
    path.write_bytes(gzip.compress(f"{CONTENTS}\n{filler}{CONTENTS}".encode(), 1))

    assert search(path, ["libbaz.so.9"], triplet="x86_64-linux-gnu") == {"libbaz.so.9": {"misc/baz"}}


def test_the_table_answers_first_and_the_index_the_rest(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    mirror.add(Package(name="hello"))
    mirror.contents = CONTENTS
    mirror.publish()
    supply = Supply(sources=mirror.sources, fetcher=Fetcher(attempts=1), blobs=Folder(tmp_path / "cache"))
    snapshot = take_snapshot(tables().find_suite("trixie"), "amd64", supply, now=NOW, log=lambda _: None)

    found = packages_of(["libstdc++.so.6", "libglib-2.0.so.0", "libbar.so.0", "libnone.so.1"], snapshot, supply)

    assert found == {
        "libstdc++.so.6": Provider(soname="libstdc++.so.6", package="libstdc++6", source="debian.toml"),
        "libglib-2.0.so.0": Provider(soname="libglib-2.0.so.0", package="libglib2.0-0t64", source="debian.toml"),
        "libbar.so.0": Provider(soname="libbar.so.0", package="libbar0", source="trixie"),
    }


def test_the_index_is_not_fetched_when_the_table_knows(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    mirror.contents = CONTENTS
    mirror.publish()
    supply = Supply(sources=mirror.sources, fetcher=Fetcher(attempts=1), blobs=Folder(tmp_path / "cache"))
    snapshot = take_snapshot(tables().find_suite("trixie"), "amd64", supply, now=NOW, log=lambda _: None)

    assert set(packages_of(["libz.so.1"], snapshot, supply)) == {"libz.so.1"}
    assert not (tmp_path / "cache").exists()


def test_an_index_that_is_not_what_was_promised_is_refused(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror")
    mirror.contents = CONTENTS
    mirror.publish()
    supply = Supply(sources=mirror.sources, fetcher=Fetcher(attempts=1), blobs=Folder(tmp_path / "cache"))
    snapshot = take_snapshot(tables().find_suite("trixie"), "amd64", supply, now=NOW, log=lambda _: None)
    evil = gzip.compress(CONTENTS.replace("libfoo1", "evil").encode())
    for path in mirror.directory("").rglob("*"):
        if path.is_file() and path.read_bytes()[:2] == b"\x1f\x8b":
            path.write_bytes(evil)

    with pytest.raises(IntegrityError, match="is not what was promised"):
        packages_of(["libfoo.so.1"], snapshot, supply)
