"""Tar archives that two readers could understand differently, or that want too much of one. Each is refused."""

from __future__ import annotations

import io
import tracemalloc
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.errors import told
from make.tars import END, GNU, USTAR, V7, base256, entry, extended, header, octal, padded, pax, record

from tare.errors import HostileInputError, IntegrityError, TareError
from tare.oci.tar import TarReader

UNSOUND = "layer 1 is not a sound tar archive"


class Stream(io.BytesIO):
    """Bytes that remember how much was asked of them at once, and that may be unable to seek."""

    def __init__(self, data: bytes, *, seekable: bool) -> None:
        super().__init__(data)
        self.asked = 0
        self.taken = 0
        self._seekable = seekable

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0
        self.asked = max(self.asked, size)
        data = super().read(size)
        self.taken += len(data)
        return data

    def seekable(self) -> bool:
        return self._seekable

    def seek(self, offset: int, whence: int = 0) -> int:
        assert self._seekable
        return super().seek(offset, whence)


class Case(NamedTuple):
    title: str
    data: bytes
    cause: str
    kind: type[TareError] = HostileInputError
    message: str = UNSOUND


def broken(title: str, data: bytes, cause: str) -> Case:
    return Case(title, data, cause, IntegrityError)


GOOD = entry(b"good", b"content")
AFTER = "after `good`: "

EXTENDED = (
    Case(
        "two pax headers for one entry",
        pax(path="a") + pax(path="b") + entry(),
        "an entry has two extended headers of one kind",
    ),
    Case(
        "two long names for one entry",
        extended(b"a\0", b"L") + extended(b"b\0", b"L") + entry(),
        "an entry has two extended headers of one kind",
    ),
    Case(
        "two long targets for one entry",
        extended(b"a\0", b"K") + extended(b"b\0", b"K") + entry(),
        "an entry has two extended headers of one kind",
    ),
    Case(
        "a long name and a pax name",
        extended(b"a\0", b"L") + pax(path="b") + entry(),
        "an entry's extended headers have two values for `path`",
    ),
    Case(
        "a pax name and a long name",
        pax(path="b") + extended(b"a\0", b"L") + entry(),
        "an entry's extended headers have two values for `path`",
    ),
    Case(
        "a long target and a pax target",
        extended(b"a\0", b"K") + pax(linkpath="b") + entry(flag=b"2"),
        "an entry's extended headers have two values for `linkpath`",
    ),
    Case(
        "two names in one pax header",
        extended(record(b"path", b"a") + record(b"path", b"b")) + entry(),
        "an entry's extended headers have two values for `path`",
    ),
    Case(
        "two sizes in one pax header",
        extended(record(b"size", b"0") + record(b"size", b"512")) + entry(b"x", b"y" * 512),
        "an entry's extended headers have two values for `size`",
    ),
    Case(
        "a global size", extended(record(b"size", b"0"), b"g") + entry(), "a global header sets `size` for all entries"
    ),
    Case(
        "a global name", extended(record(b"path", b"a"), b"g") + entry(), "a global header sets `path` for all entries"
    ),
    Case(
        "a global attribute",
        extended(record(b"SCHILY.xattr.security.capability", b"\0"), b"g") + entry(),
        "a global header sets `SCHILY.xattr.security.capability` for all entries",
    ),
    Case("a pax name that is empty", pax(path="") + entry(), "a pax record has no value"),
    Case("a pax target that is empty", pax(linkpath="") + entry(flag=b"2", linkname=b"a"), "a pax record has no value"),
    Case("a pax size that is empty", pax(size="") + entry(), "a pax record has no value"),
    Case("a pax record without a name", extended(record(b"", b"a")) + entry(), "a pax record has no name"),
    Case("a NUL in a pax name", extended(record(b"path", b"a\0b")) + entry(), "a pax record has a NUL"),
    Case("a NUL in a pax record's name", extended(record(b"pa\0th", b"a")) + entry(), "a pax record has a NUL"),
    Case(
        "a NUL in a long name", extended(b"a\0b\0", b"L") + entry(), "a path has a NUL, or is longer than 4,096 bytes"
    ),
    Case(
        "a NUL in a long target",
        extended(b"a\0b\0", b"K") + entry(flag=b"2"),
        "a path has a NUL, or is longer than 4,096 bytes",
    ),
    Case(
        "a long name of 4,097 bytes",
        extended(b"a" * 4097, b"L") + entry(),
        "a path has a NUL, or is longer than 4,096 bytes",
    ),
    Case(
        "a pax name of 4,097 bytes", pax(path="a" * 4097) + entry(), "a path has a NUL, or is longer than 4,096 bytes"
    ),
    Case(
        "a pax target of 4,097 bytes",
        pax(linkpath="a" * 4097) + entry(flag=b"2"),
        "a path has a NUL, or is longer than 4,096 bytes",
    ),
    broken("a long name that is empty", extended(b"", b"L") + entry(), "an entry has no name"),
    broken("a long name of NULs", extended(bytes(9), b"L") + entry(), "an entry has no name"),
    Case(
        "a pax header of more than a mebibyte",
        header(flag=b"x", size=1024 * 1024 + 1),
        "an extended header has 1048577 bytes; the limit is 1048576",
    ),
    Case(
        "a long name of 8 GiB",
        header(flag=b"L", size=8**11 - 1),
        "an extended header has 8589934591 bytes; the limit is 1048576",
    ),
    Case(
        "a global header of many exbibytes",
        header(flag=b"g", size=base256(2**62, 12)),
        "an extended header has 4611686018427387904 bytes; the limit is 1048576",
    ),
    broken("a pax record without a length", extended(b"path=a\n") + entry(), "a pax record has no length"),
    broken("a pax record that is only a length", extended(b"12") + entry(), "a pax record has no length"),
    broken("a pax record of length 0", extended(b"0 path=a\n") + entry(), "a pax record has no length"),
    broken("a pax record with a leading zero", extended(b"010 path=a\n") + entry(), "a pax record has no length"),
    broken("a pax record of negative length", extended(b"-9 path=a\n") + entry(), "a pax record has no length"),
    broken("a pax record of huge length", extended(b"9" * 30 + b" path=a\n") + entry(), "a pax record has no length"),
    broken(
        "a pax record that is too long", extended(b"99 path=a\n") + entry(), "a pax record's length does not fit it"
    ),
    broken(
        "a pax record that is too short", extended(b"9 path=ab\n") + entry(), "a pax record's length does not fit it"
    ),
    broken(
        "a pax record that ends in its length",
        extended(b"1 path=a\n") + entry(),
        "a pax record's length does not fit it",
    ),
    broken(
        "a pax record without an equals sign", extended(b"8 pathx\n") + entry(), "a pax record's length does not fit it"
    ),
    broken(
        "a pax record without a line's end", extended(b"9 path=ab") + entry(), "a pax record's length does not fit it"
    ),
    broken(
        "a pax record followed by zeros",
        extended(record(b"path", b"a") + bytes(5)) + entry(),
        "a pax record has no length",
    ),
    broken("nothing after a pax header", pax(path="a"), "it ends after an extended header"),
    broken("the end after a pax header", pax(path="a") + END, "it ends after an extended header"),
    broken("the end after a long name", extended(b"a\0", b"L") + END, "it ends after an extended header"),
    broken("a pax header that is cut short", extended(record(b"path", b"a" * 600))[:-512], "it ends 512 bytes early"),
)

SIZES = (
    Case("a pax size that is negative", pax(size="-1") + entry(), "the size `-1` is not a number of bytes"),
    Case("a pax size with a sign", pax(size="+512") + entry(), "the size `+512` is not a number of bytes"),
    Case("a pax size with a space", pax(size=" 512") + entry(), "the size ` 512` is not a number of bytes"),
    Case("a pax size in hexadecimal", pax(size="0x200") + entry(), "the size `0x200` is not a number of bytes"),
    Case("a pax size with a fraction", pax(size="512.0") + entry(), "the size `512.0` is not a number of bytes"),
    Case("a pax size in other digits", pax(size="٥١٢") + entry(), "the size `٥١٢` is not a number of bytes"),
    Case(
        "a pax size beyond 63 bits",
        pax(size="9223372036854775808") + entry(),
        "the size `9223372036854775808` is not a number of bytes",
    ),
    Case(
        "a pax size of a thousand digits",
        pax(size="1" * 1000) + entry(),
        f"the size `{'1' * 40}` is not a number of bytes",
    ),
    Case("a pax user that is no number", pax(uid="root") + entry(), "the uid `root` is not a number of bytes"),
    Case(
        "a negative size in base 256",
        header(size=base256(-1, 12)),
        "the size -1 is out of range",
    ),
    Case(
        "a size in base 256 beyond 63 bits",
        header(size=base256(2**63, 12)),
        "the size 9223372036854775808 is out of range",
    ),
    Case("a negative user in base 256", header(uid=base256(-1, 8)), "the uid -1 is out of range"),
    broken("a size that is not octal", header(size=b"0000000009\0"), "the size b'0000000009\\x00\\x00' is not octal"),
    broken("a size with a sign", header(size=b"-0000000001\0"), "the size b'-0000000001\\x00' is not octal"),
    broken("a size with a space within", header(size=b"0001 000001\0"), "the size b'0001 000001\\x00' is not octal"),
    broken("a size behind a NUL", header(size=b"\x000000001000\0"), "the size b'\\x000000001000\\x00' is not octal"),
    broken("a mode that is not octal", header(mode=b"rw-r--r-"), "the mode b'rw-r--r-' is not octal"),
    broken(
        "a time that is not octal", header(mtime=b"yesterday"), "the mtime b'yesterday\\x00\\x00\\x00' is not octal"
    ),
    broken("a pax time that is no number", pax(mtime="yesterday") + entry(), "the time `yesterday` is not a number"),
    broken("a pax time with two signs", pax(mtime="--1") + entry(), "the time `--1` is not a number"),
    broken("a pax time in other digits", pax(mtime="²") + entry(), "the time `²` is not a number"),
    broken("a pax time with a bad fraction", pax(mtime="1.5x") + entry(), "the time `1.5x` is not a number"),
    broken("a pax time of many digits", pax(mtime="1" * 500) + entry(), f"the time `{'1' * 40}` is not a number"),
    Case(
        "a symbolic link with content",
        entry(b"link", b"content", flag=b"2"),
        "`link` is a symlink with content",
    ),
    Case("a directory with content", entry(b"d/", b"content", flag=b"5"), "`d/` is a directory with content"),
    Case("a device with content", entry(b"null", b"content", flag=b"3"), "`null` is a character with content"),
    Case("a FIFO with content", entry(b"pipe", b"content", flag=b"6"), "`pipe` is a fifo with content"),
    Case(
        "a directory with a pax size",
        pax(size="512") + header(b"d/", flag=b"5") + padded(b"x"),
        "`d/` is a directory with content",
    ),
    broken("content that never came", header(size=8**11 - 1), "after `x`: it ends 8589934592 bytes early"),
    broken(
        "content that can never come",
        header(size=base256(2**62, 12)),
        "after `x`: it ends 4611686018427387904 bytes early",
    ),
    broken(
        "content of the largest number",
        pax(size=str(2**63 - 1)) + header(),
        "after `x`: it ends 9223372036854775808 bytes early",
    ),
    broken("content that is cut short", entry(b"x", b"y" * 600)[:-600], "after `x`: it ends 600 bytes early"),
    broken("padding that is cut short", entry(b"x", b"y" * 600)[:-1], "after `x`: it ends 1 bytes early"),
)

NAMES = (
    broken("no name", header(b""), "an entry has no name"),
    Case(
        "a file whose name ends as a directory's",
        entry(b"d/", b""),
        "`d/` is a file by its type and a directory by its name",
    ),
    Case(
        "an old file with content whose name ends as a directory's",
        entry(b"d/", b"x", flag=b"\0"),
        "`d/` is a file by its type and a directory by its name",
    ),
    Case("a file in place of the root", entry(b"./", b"", flag=b"2", linkname=b"a"), "the root is a symlink"),
    Case("a link in place of the root", entry(b".", b"", flag=b"2", linkname=b"/etc"), "the root is a symlink"),
    Case("a file named as the root", entry(b".", b""), "the root is a file"),
)

KINDS = (
    *(
        broken(
            f"an entry of type {flag!r}",
            header(flag=flag),
            f"it has an entry of type {flag!r}, or a sparse one, which layers must not have",
        )
        for flag in (b"S", b"D", b"M", b"V", b"N", b"A", b"8", b"X", b"\xff")
    ),
    broken(
        "a sparse file as pax has it",
        extended(record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.realsize", b"99")) + entry(b"x", b"1\n0\n9\n"),
        "it has an entry of type b'0', or a sparse one, which layers must not have",
    ),
)

BOUNDS = (
    broken("half a header", header()[:300], "it ends within a header"),
    broken("no archive at all", b"hello, world" * 100, "the checksum b'o, world' is not octal"),
    broken("a header of spaces", b" " * 512, "a header's checksum is 0, its bytes give 16384"),
    broken("a wrong checksum", header(checksum=b"000123\0 "), "a header's checksum is 83, its bytes give 3157"),
    broken(
        "a wrong checksum later",
        GOOD + header(checksum=b"000123\0 "),
        f"{AFTER}a header's checksum is 83, its bytes give 3157",
    ),
    broken("a checksum that is no number", header(checksum=b"checksum"), "the checksum b'checksum' is not octal"),
    broken(
        "a bit that flipped",
        bytes([header()[0] ^ 1]) + header()[1:],
        "a header's checksum is 3157, its bytes give 3158",
    ),
    Case(
        "an entry after the end",
        GOOD + END + entry(b"evil", b"x"),
        "a reader that goes on would see other files",
        message="layer 1 has data after its end",
    ),
    Case(
        "an entry after one zero block",
        GOOD + bytes(512) + entry(b"evil", b"x"),
        "a reader that goes on would see other files",
        message="layer 1 has data after its end",
    ),
    Case(
        "a byte after the end",
        END + b"x",
        "a reader that goes on would see other files",
        message="layer 1 has data after its end",
    ),
    broken(
        "an entry whose content a reader of the other size would skip",
        pax(size="0") + header(size=512) + b"x" * 512,
        "after `x`: the checksum b'xxxxxxxx' is not octal",
    ),
)

CASES = (*EXTENDED, *SIZES, *NAMES, *KINDS, *BOUNDS)


def read(stream: io.BytesIO) -> None:
    for _ in TarReader(stream, what="layer 1"):
        pass


@pytest.mark.parametrize("seekable", [False, True], ids=["stream", "file"])
@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_a_hostile_archive_is_refused_with_its_reason(case: Case, seekable: bool) -> None:  # noqa: FBT001  # pytest calls
    stream = Stream(case.data, seekable=seekable)
    tracemalloc.start()
    try:
        with pytest.raises(TareError) as caught:
            read(stream)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    assert told(caught.value) == (case.kind, case.message, (case.cause,), ())
    assert stream.asked <= 1024 * 1024


def test_every_case_has_a_title_of_its_own() -> None:
    titles = [case.title for case in CASES]
    assert len(titles) == len(set(titles))


def test_what_can_seek_is_not_read() -> None:
    stream = Stream(entry(b"x", bytes(5_000_000)) + END, seekable=True)
    assert [found.path for found in TarReader(stream, what="layer 1")] == ["x"]
    assert stream.tell() == len(stream.getvalue())
    assert stream.taken < 3000


def test_content_is_not_asked_for_before_it_arrives() -> None:
    stream = Stream(header(size=8**11 - 1) + b"x" * 1000, seekable=False)
    reader = TarReader(stream, what="layer 1")
    next(iter(reader))
    with pytest.raises(IntegrityError) as caught:
        reader.read()
    assert caught.value.causes == ("after `x`: it ends 8589933592 bytes early",)
    assert stream.asked == 1024 * 1024


@given(st.binary(max_size=2048))
def test_no_bytes_give_another_error_than_ours(data: bytes) -> None:
    with_sound_start = entry(b"x", b"y") + data
    for archive in (data, with_sound_start):
        try:
            read(io.BytesIO(archive))
        except TareError as error:
            assert error.message.startswith("layer 1 ")  # noqa: PT017  # an archive may be sound


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.binary(max_size=8),
        "uid": st.binary(max_size=8),
        "size": st.binary(max_size=12) | st.integers(0, 3000).map(lambda size: octal(size, 12)),
        "mtime": st.binary(max_size=12),
        "linkname": st.binary(max_size=100),
        "devmajor": st.binary(max_size=8),
        "prefix": st.binary(max_size=155),
        "flag": st.sampled_from([bytes([flag]) for flag in b"\x000123456789xgLKSDVA"]),
        "magic": st.sampled_from([USTAR, GNU, V7]),
    },
)


@given(st.lists(st.tuples(st.binary(max_size=100), FIELDS, st.binary(max_size=700)), max_size=5))
def test_no_headers_give_another_error_than_ours(entries: list[tuple[bytes, dict[str, bytes], bytes]]) -> None:
    data = b"".join(header(name, **fields) + padded(content) for name, fields, content in entries)
    for archive in (data, data + END):
        try:
            read(io.BytesIO(archive))
        except TareError as error:
            assert error.message.startswith("layer 1 ")  # noqa: PT017  # an archive may be sound


@given(st.binary(max_size=300))
def test_no_pax_records_give_another_error_than_ours(records: bytes) -> None:
    try:
        read(io.BytesIO(extended(records) + entry() + END))
    except TareError as error:
        assert error.message == UNSOUND  # noqa: PT017  # the records may be sound
