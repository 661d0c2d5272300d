"""Sound archives are read as Python's `tarfile` reads them, whatever their format."""

from __future__ import annotations

import io
import math
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.tars import END, GNU, V7, base256, entry, extended, header, pax, record

from tare.oci.tar import Entry, TarReader

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}

names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=120).filter(
    lambda name: name != "."
)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
times = st.integers(-(2**33), 2**40) | st.integers(-(2**33), 2**33).map(lambda quarters: quarters / 4)
numbers = st.integers(0, 2**21 - 1) | st.integers(0, 2**40)
attributes = st.dictionaries(
    st.text("abc.", min_size=1, max_size=5).map("user.{}".format), st.text(st.characters(codec="utf-8"), max_size=9)
)


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(draw(paths))
    info.type = draw(st.sampled_from(list(KINDS)))
    info.mode = draw(st.integers(0, 0o7777))
    info.mtime = draw(times)
    info.uid, info.gid = draw(numbers), draw(numbers)
    info.uname, info.gname = draw(st.sampled_from(["", "root"])), draw(st.sampled_from(["", "wheel"]))
    data = b""
    if info.isreg():
        data = draw(st.binary(max_size=1100))
        info.size = len(data)
    elif info.issym() or info.islnk():
        info.linkname = draw(paths)
    elif info.isdev() and not info.isfifo():
        info.devmajor, info.devminor = draw(st.integers(0, 255)), draw(st.integers(0, 2**20))
    info.pax_headers = {f"SCHILY.xattr.{name}": value for name, value in draw(attributes).items()}
    return info, data


def read(data: bytes) -> list[tuple[Entry, bytes]]:
    reader = TarReader(io.BytesIO(data), what="layer 1")
    return [(found, reader.read()) for found in reader]


def as_tarfile_reads(data: bytes) -> list[tuple[Any, ...]]:
    found = []
    with tarfile.open(fileobj=io.BytesIO(data), errorlevel=2) as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            found.append(
                (
                    info.name,
                    KINDS[info.type],
                    info.mode,
                    info.size if info.isreg() else 0,
                    math.floor(info.mtime),
                    info.uid,
                    info.gid,
                    info.linkname if info.issym() or info.islnk() else "",
                    (info.devmajor, info.devminor) if info.isdev() and not info.isfifo() else (0, 0),
                    {key[13:]: value for key, value in info.pax_headers.items() if key.startswith("SCHILY.xattr.")},
                    stream.read() if stream else b"",
                )
            )
    return found


def as_we_read(data: bytes) -> list[tuple[Any, ...]]:
    return [
        (
            found.path,
            found.kind,
            found.mode,
            found.size,
            found.mtime,
            found.uid,
            found.gid,
            found.target,
            found.device,
            found.xattrs,
            content,
        )
        for found, content in read(data)
    ]


@given(st.lists(members(), max_size=5), st.sampled_from(sorted(FORMATS)))
def test_a_sound_archive_is_read_as_tarfile_reads_it(
    given_members: list[tuple[tarfile.TarInfo, bytes]], format_name: str
) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=FORMATS[format_name]) as archive:
        for info, data in given_members:
            try:
                archive.addfile(info, io.BytesIO(data))
            except ValueError:  # the format cannot hold it
                assert format_name != "pax"
    assert as_we_read(held.getvalue()) == as_tarfile_reads(held.getvalue())


@pytest.mark.parametrize("seekable", [False, True], ids=["stream", "file"])
@given(
    content=st.lists(st.binary(max_size=1500), min_size=1, max_size=5), sizes=st.lists(st.integers(0, 700), max_size=4)
)
def test_what_is_not_read_of_an_entry_is_skipped(seekable: bool, content: list[bytes], sizes: list[int]) -> None:  # noqa: FBT001  # pytest calls
    archive = b"".join(entry(b"%d" % number, data) for number, data in enumerate(content)) + END
    stream = io.BytesIO(archive)
    if not seekable:
        stream.seekable = lambda: False  # type: ignore[method-assign]
    reader = TarReader(stream, what="layer 1")
    for number, found in enumerate(reader):
        data = content[number]
        assert (found.path, found.size) == (str(number), len(data))
        if number < len(sizes):
            assert reader.read(sizes[number]) == data[: sizes[number]]
            if number % 2:
                assert b"".join(reader.chunks(7)) == data[sizes[number] :]
                assert reader.read() == b""


ONE = entry(b"x", b"content")

ACCEPTED = {
    "nothing": (b"", []),
    "an end": (END, []),
    "half an end": (bytes(512), []),
    "an end and its padding": (END + bytes(9 * 1024), []),
    "no end": (ONE, ["x"]),
    "a name within the same directory": (entry(b"./a/b") + END, ["a/b"]),
    "a name within the same directory, twice over": (entry(b"././/a/b") + END, ["a/b"]),
    "the root": (entry(b"./", flag=b"5") + END, [""]),
    "the root without a slash": (entry(b".", flag=b"5") + END, [""]),
    "a directory with its slash": (entry(b"a/", flag=b"5") + END, ["a"]),
    "an absolute name": (entry(b"/etc/passwd") + END, ["/etc/passwd"]),
    "a name that climbs": (entry(b"a/../../b") + END, ["a/../../b"]),
    "a name of 100 bytes": (entry(b"a" * 100) + END, ["a" * 100]),
    "a name with a prefix": (entry(b"b", prefix=b"a" * 155) + END, ["a" * 155 + "/b"]),
    "a prefix that the format does not have": (entry(b"b", magic=GNU, prefix=b"times") + END, ["b"]),
    "a long name of GNU": (extended(b"a" * 300 + b"\0", b"L") + entry(magic=GNU) + END, ["a" * 300]),
    "a long name and a long target of GNU": (
        extended(b"t" * 300 + b"\0", b"K") + extended(b"a" * 300 + b"\0", b"L") + entry(magic=GNU, flag=b"2") + END,
        ["a" * 300],
    ),
    "a pax name": (pax(path="größe/" + "a" * 300) + entry() + END, ["größe/" + "a" * 300]),
    "a pax name with an equals sign and a line's end": (pax(path="a=b\nc") + entry() + END, ["a=b\nc"]),
    "a name that is not UTF-8": (entry(b"\xff") + END, ["\udcff"]),
    "a pax name of 4,096 bytes": (pax(path="a" * 4096) + entry() + END, ["a" * 4096]),
    "a global header that changes nothing": (extended(record(b"comment", b"0123"), b"g") + ONE + END, ["x"]),
    "two global headers that change nothing": (extended(record(b"comment", b"a"), b"g") * 2 + ONE + END, ["x"]),
    "a pax header of a mebibyte": (
        extended(record(b"comment", b"x" * (1024 * 1024 - 17))) + ONE + END,
        ["x"],
    ),
    "a pax header that is empty": (extended(b"") + ONE + END, ["x"]),
    "a pax size that is the same": (pax(size="7") + ONE + END, ["x"]),
    "a pax size for a size that is not there": (pax(size="7") + header() + ONE[512:] + END, ["x"]),
    "a size in base 256": (header(size=base256(7, 12)) + ONE[512:] + END, ["x"]),
    "a file of 1979": (header(magic=V7, flag=b"\0", uid=b"   144 \0", gid=b"  5\0") + END, ["x"]),
    "a directory of 1979": (header(b"d/", magic=V7, flag=b"\0") + END, ["d"]),
    "fields of spaces and NULs": (header(uid=b" " * 8, gid=bytes(8), devmajor=b" \0") + END, ["x"]),
    "numbers with something behind their NUL": (header(uid=b"144\0old", gid=b"5 \0\xff") + END, ["x"]),
    "a contiguous file": (entry(b"x", b"1", flag=b"7") + END, ["x"]),
    "a hard link that repeats its target's size": (
        entry(b"a", b"1") + header(b"b", flag=b"1", size=1, linkname=b"a") + ONE + END,
        ["a", "b", "x"],
    ),
    "a symbolic link without a target": (entry(flag=b"2") + END, ["x"]),
}


@pytest.mark.parametrize(("data", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_odd_and_sound_is_accepted(data: bytes, expected: list[str]) -> None:
    assert [found.path for found, _ in read(data)] == expected


@pytest.mark.parametrize(
    ("written", "mtime"),
    [
        ("0", 0),
        ("1.9", 1),
        ("1.", 1),
        ("-1", -1),
        ("-1.0", -1),
        ("-1.5", -2),
        ("-0.5", -1),
        ("123456789012", 123456789012),
    ],
)
def test_times_are_rounded_down(written: str, mtime: int) -> None:
    ((found, _),) = read(pax(mtime=written) + entry() + END)
    assert found.mtime == mtime


def test_attributes_and_devices_are_read() -> None:
    capability = extended(record(b"SCHILY.xattr.security.capability", b"\1\0\0\2\xff"))
    node = header(b"null", flag=b"3", devmajor=b"0000001\0", devminor=b"0000003\0")
    found = [item for item, _ in read(capability + entry(b"ping") + node + END)]
    assert found == [
        Entry(path="ping", xattrs={"security.capability": "\1\0\0\2\udcff"}),
        Entry(path="null", kind="character", device=(1, 3)),
    ]


def test_a_stream_that_gives_little_at_a_time_is_read_all_the_same() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 1, 3))

        def seekable(self) -> bool:
            return False

    reader = TarReader(Trickle(ONE + pax(path="y") + ONE + END), what="layer 1")
    assert [(found.path, reader.read()) for found in reader] == [("x", b"content"), ("y", b"content")]
