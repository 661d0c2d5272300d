"""Headers that tare writes are read by everyone as they were meant."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from tare.oci.tar import Entry, TarReader
from tare.oci.tar_header import END, Kind, header, padding

MTIME = 315532800
Form = Callable[[int], str]


def letters(length: int) -> str:
    return "abcdefghij" * (length // 10) + "abcdefghij"[: length % 10]


def with_parts(part: int) -> Form:
    """Return a maker of paths of parts that long."""
    return lambda length: "".join(
        "/" if (place + 1) % (part + 1) == 0 and place + 1 < length else "x" for place in range(length)
    )


def with_umlauts(length: int) -> str:
    return "ü" * (length // 2) + "x" * (length % 2)


FORMS: dict[str, Form] = {
    "one part": letters,
    "parts of 1": with_parts(1),
    "parts of 99": with_parts(99),
    "parts of 100": with_parts(100),
    "parts of 155": with_parts(155),
    "beyond ASCII": with_umlauts,
}
"""Makers of paths of a number of bytes."""

SOME = [*range(1, 300), *range(300, 5001, 47), 512, 1024, 4095, 4096, 4097, 4999, 5000]
ALL = list(range(1, 5001))
lengths_of_paths = pytest.mark.parametrize(
    "lengths", [SOME, pytest.param(ALL, marks=pytest.mark.slow)], ids=["some", "all"]
)


def archive(paths: list[str], *, kind: Kind) -> bytes:
    def entries() -> Iterator[bytes]:
        for path in paths:
            if kind == "symlink":
                yield header("link", kind=kind, mode=0o777, mtime=MTIME, target=path)
            else:
                data = path.encode()[:5] if kind == "file" else b""
                yield header(path, kind=kind, mode=0o755, size=len(data), mtime=MTIME)
                yield data + bytes(padding(len(data)))

    return b"".join((*entries(), END))


@lengths_of_paths
@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_tarfile_reads_paths_of_all_lengths(
    form: Form, kind: Literal["file", "directory", "symlink"], lengths: list[int]
) -> None:
    paths = [form(length) for length in lengths]
    assert [len(path.encode()) for path in paths] == lengths
    with tarfile.open(fileobj=io.BytesIO(archive(paths, kind=kind)), errorlevel=2) as read:
        found = list(read)
    assert [info.linkname if kind == "symlink" else info.name for info in found] == paths
    assert {(info.mode, info.mtime, info.uid, info.gid, info.uname, info.gname) for info in found} == {
        (0o777 if kind == "symlink" else 0o755, MTIME, 0, 0, "", "")
    }


@lengths_of_paths
@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_own_reader_reads_paths_of_all_lengths_that_systems_have(
    form: Form, kind: Literal["file", "directory", "symlink"], lengths: list[int]
) -> None:
    paths = [form(length) for length in lengths if length < 4096]
    found = list(TarReader(io.BytesIO(archive(paths, kind=kind)), what="layer 1"))
    assert [entry.target if kind == "symlink" else entry.path for entry in found] == paths
    assert {entry.kind for entry in found} == {kind}


@lengths_of_paths
@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_gnu_tar_reads_paths_of_all_lengths(form: Form, lengths: list[int], tmp_path: Path) -> None:
    paths = [form(length) for length in lengths]
    file = tmp_path / "layer.tar"
    file.write_bytes(archive(paths, kind="file")[: -len(END)] + archive(paths, kind="symlink"))
    command = ["tar", "--utc", "--quoting-style=literal", "-tvf", str(file)]
    done = subprocess.run(command, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    files = [f"-rwxr-xr-x 0/0               5 1980-01-01 00:00 {path}" for path in paths]
    links = [f"lrwxrwxrwx 0/0               0 1980-01-01 00:00 link -> {path}" for path in paths]
    lines = done.stdout.decode().splitlines()
    assert [line for line in lines if line[0] == "l"] == links
    assert [line for line in lines if line[0] == "-"] == [
        line.replace("              5", f"              {min(5, len(path.encode()))}")
        for line, path in zip(files, paths, strict=True)
    ]
    assert done.stderr == b""


def test_paths_that_ustar_holds_need_one_block() -> None:
    assert len(header("a" * 100, mtime=0)) == 512
    assert len(header("a" * 155 + "/" + "b" * 100, mtime=0)) == 512
    assert len(header("a" * 99, kind="directory", mtime=0)) == 512
    assert len(header("x", kind="symlink", target="a" * 100, mtime=0)) == 512


def test_paths_that_ustar_does_not_hold_need_three() -> None:
    assert len(header("a" * 101, mtime=0)) == 1536
    assert len(header("a" * 156 + "/" + "b" * 100, mtime=0)) == 1536
    assert len(header("ü", mtime=0)) == 1536
    assert len(header("x", kind="symlink", target="a" * 101, mtime=0)) == 1536
    assert len(header("x", kind="symlink", target="ü", mtime=0)) == 1536


def test_a_directory_has_its_slash() -> None:
    assert header("a/b", kind="directory", mtime=0)[:5] == b"a/b/\0"


@pytest.mark.parametrize("size", [0, 1, 8**11 - 1, 8**11, 2**40])
def test_sizes_beyond_eight_gibibytes_are_written(size: int) -> None:
    block = header("x", size=size, mtime=0)
    with tarfile.open(fileobj=io.BytesIO(block)) as read:
        info = read.next()
    assert info is not None
    assert info.size == size
    assert next(iter(TarReader(io.BytesIO(block), what="x"))).size == size


def test_owners_and_modes_are_written() -> None:
    block = header("x", mode=0o6755, mtime=0, uid=65532, gid=2_097_151)
    assert list(TarReader(io.BytesIO(block), what="x")) == [Entry(path="x", mode=0o6755, uid=65532, gid=2_097_151)]


def test_a_path_that_is_not_utf_8_survives() -> None:
    path = b"caf\xe9".decode("utf-8", "surrogateescape")
    block = header(path, mtime=0)
    assert next(iter(TarReader(io.BytesIO(block), what="x"))).path == path
    with tarfile.open(fileobj=io.BytesIO(block)) as read:
        assert read.getnames() == [path]


def test_the_same_entry_is_the_same_bytes() -> None:
    block = header("größe", mode=0o644, size=5, mtime=MTIME, target="")
    assert block.hex() == header("größe", mode=0o644, size=5, mtime=MTIME, target="").hex()
    assert block[512:528] == b"16 path=gr\xc3\xb6\xc3\x9fe\n"
