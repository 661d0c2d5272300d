"""Zip archives that two readers could understand differently. Each is refused, and told why."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

import pytest
from make.errors import told
from make.hostile import CODE, MODULE, RECORD, Case, check, module, named, wheel
from make.wheels import FILENAME, Held, Row
from make.zips import DEFLATED, OPEN, STORED, UTF8, Entry, deflate, extra_field, write_zip, zip64_field

from tare.errors import HostileInputError, IntegrityError
from tare.wheels import archive as archives


def leaving(title: str, name: str) -> Case:
    return named(title, name, f"its entry `{name}` leaves the installation directory, or is not a plain relative path")


NAMES = (
    leaving("a name that climbs out at once", "../evil.py"),
    leaving("a name that climbs out later", "sample/../../evil.py"),
    leaving("a name that climbs and stays", "sample/../evil.py"),
    leaving("a name that is only a climb", ".."),
    leaving("an absolute name", "/etc/evil"),
    leaving("a name on another machine", "//server/share/evil"),
    leaving("a name on a drive", "C:/evil.py"),
    leaving("a name relative to a drive", "C:evil.py"),
    leaving("a name with backslashes", "sample\\evil.py"),
    leaving("a name that climbs by backslashes", "..\\evil.py"),
    leaving("a name through the same directory", "sample/./evil.py"),
    leaving("a name that begins with a dot", "./evil.py"),
    leaving("a name with an empty part", "sample//evil.py"),
    leaving("a directory with an empty part", "sample//"),
    leaving("no name", ""),
    named("a name with a NUL", "sample/evil.py\0.txt", "the name 'sample/evil.py\\x00.txt' has control characters"),
    named("a name of two lines", "sample/evil\n.py", "the name 'sample/evil\\n.py' has control characters"),
    named("a name with an escape", "sample/\x1b[2J.py", "the name 'sample/\\x1b[2J.py' has control characters"),
    named("a name with DEL", "sample/evil\x7f.py", "the name 'sample/evil\\x7f.py' has control characters"),
    named("a name with C1 control", "sample/evil\x85.py", "the name 'sample/evil\\x85.py' has control characters"),
    named("a name of two Unicode lines", "sample/\u2028.py", "the name 'sample/\\u2028.py' has control characters"),
    named("a name that reads backwards", "sample/\u202eyp.x", "the name 'sample/\\u202eyp.x' has control characters"),
    named("a name that is not UTF-8", b"sample/\xff.py", "the name b'sample/\\xff.py' is not UTF-8", flags=UTF8),
    named(
        "a name in an unknown character set",
        "sample/é.py",
        "the name b'sample/\\xc3\\xa9.py' is not marked as UTF-8",
        flags=0,
    ),
    named(
        "a part that is too long",
        "sample/" + "x" * 256,
        f"the name `sample/{'x' * 73}…` is longer than a file system allows",
    ),
    named(
        "a name that is too long", "x/" * 2048 + "yz", f"the name `{'x/' * 40}…` is longer than a file system allows"
    ),
    Case(
        "two equal entries",
        lambda: wheel(entries=lambda listed: [*listed, listed[0]]),
        (f"it has two entries named `{MODULE}`",),
    ),
    Case(
        "two entries of one name that differ",
        lambda: wheel(entries=lambda listed: [*listed, Entry(name=MODULE, data=b"evil")]),
        (f"it has two entries named `{MODULE}`",),
    ),
    Case(
        "one directory twice",
        lambda: wheel(entries=lambda listed: [Entry(name="sample/"), Entry(name="sample/"), *listed]),
        ("it has two entries named `sample/`",),
    ),
    Case("a file above files", lambda: wheel({"sample": b"evil"}), ("`sample` is a file and also a directory",)),
    Case(
        "a file that is also a directory",
        lambda: wheel(entries=lambda listed: [Entry(name=MODULE + "/"), *listed]),
        (f"`{MODULE}` is a file and also a directory",),
    ),
)


def moded(title: str, mode: int, made_by: int = 3) -> Case:
    return Case(
        title,
        lambda: module(mode=mode, made_by=made_by),
        (f"`{MODULE}` is a link or a device; wheels have files only",),
    )


def contradicting(title: str, **fields: Any) -> Case:  # Entry's own
    return Case(title, lambda: module(**fields), (f"`{MODULE}` has fields that contradict each other",))


def methods(numbers: dict[str, int]) -> Iterable[Case]:
    for title, number in numbers.items():
        yield Case(
            f"compression by {title}",
            lambda number=number: module(both={"method": number}),  # type: ignore[misc]  # a default that binds
            (f"`{MODULE}` is compressed by method {number}; wheels use deflate",),
        )


def encrypted(title: str, flags: int) -> Case:
    return Case(title, lambda: module(flags=flags), (f"`{MODULE}` is encrypted",))


KINDS = (
    moded("a symbolic link", 0o120777),
    moded("a symbolic link made on DOS", 0o120777, made_by=0),
    moded("a symbolic link made on macOS", 0o120777, made_by=19),
    moded("a character device", 0o020644),
    moded("a block device", 0o060644),
    moded("a FIFO", 0o010644),
    moded("a socket", 0o140644),
    contradicting("a file with a directory's mode", mode=0o040755),
    contradicting("a stored file of two sizes", method=STORED, both={"compressed": 9}),
    contradicting("a file on another disk", central={"disk": 1}),
    Case(
        "a directory with content",
        lambda: wheel(entries=lambda listed: [Entry(name="sample/", data=b"evil"), *listed]),
        ("`sample/` is a directory with content",),
    ),
    encrypted("encryption", 0x0001),
    encrypted("strong encryption", 0x0041),
    encrypted("strong encryption's flag alone", 0x0040),
    encrypted("an encrypted directory's masked headers", 0x2000),
    *methods({"deflate64": 9, "bzip2": 12, "lzma": 14, "zstd": 93, "xz": 95, "a number that nobody knows": 4711}),
)


def disagreeing(title: str, **fields: int | bytes) -> Case:
    return Case(
        title,
        lambda: module(local=fields),
        (f"the local header of `{MODULE}` disagrees with the directory",),
    )


def extras(title: str, cause: str, **fields: Any) -> Case:  # Entry's own
    return Case(title, lambda: module(**fields), (cause,))


def unicode_path(name: bytes) -> bytes:
    return extra_field(0x7075, b"\1" + bytes(4) + name)


AGREEMENT = (
    disagreeing("another name in the local header", name=b"sample/__evil__.py"),
    disagreeing("a longer name in the local header", name=MODULE.encode() + b"x"),
    disagreeing("another method in the local header", method=STORED),
    disagreeing("another CRC in the local header", crc=1),
    disagreeing("another compressed size in the local header", compressed=11),
    disagreeing("another size in the local header", size=11),
    disagreeing("no CRC in the local header", crc=0),
    disagreeing("no compressed size in the local header", compressed=0),
    disagreeing("no size in the local header", size=0),
    disagreeing("a data descriptor that only the local header announces", flags=OPEN),
    disagreeing("encryption that only the local header announces", flags=0x0001),
    Case(
        "a local header that does not say that its name is UTF-8",
        lambda: wheel({"é": Entry(name="sample/é.py", data=b"", local={"flags": 0})}),
        ("the local header of `sample/é.py` disagrees with the directory",),
    ),
    Case(
        "a data descriptor that only the directory announces",
        lambda: module(central={"flags": OPEN}),
        (f"the local header of `{MODULE}` disagrees with the directory",),
    ),
    Case(
        "sizes in the local header although a data descriptor follows",
        lambda: module(descriptor="signed32", local={"size": 11}),
        (f"the local header of `{MODULE}` disagrees with the directory",),
    ),
    Case(
        "a local header elsewhere",
        lambda: wheel(
            entries=lambda listed: [listed[0], Entry(name=listed[1].name, data=listed[1].data, central={"header": 3})]
        ),
        ("`sample/__init__.py` shares bytes with another entry",),
    ),
    Case(
        "a local header that is none",
        lambda: wheel().replace(b"PK\3\4", b"PK\3\5", 1),
        (f"`{MODULE}` has no local header where the directory says",),
    ),
    Case(
        "a second local header that is none",
        lambda: wheel({"sample/data.bin": b""}).replace(b"PK\3\4", b"PK\3\5", 2).replace(b"PK\3\5", b"PK\3\4", 1),
        ("`sample/data.bin` has no local header where the directory says",),
    ),
    extras(
        "a second name in the directory",
        "the entry b'sample/__init__.py' has a second name, b'sample/__evil__.py'",
        central={"extra": unicode_path(b"sample/__evil__.py")},
    ),
    extras(
        "a second name in the local header",
        "the entry b'sample/__init__.py' has a second name, b'sample/__evil__.py'",
        local={"extra": unicode_path(b"sample/__evil__.py")},
    ),
    extras(
        "two second names",
        "the entry b'sample/__init__.py' has two extra fields of the kind 0x7075",
        extra=unicode_path(MODULE.encode()) * 2,
    ),
    extras(
        "two zip64 fields",
        "the entry b'sample/__init__.py' has two extra fields of the kind 0x0001",
        zip64=True,
        extra=zip64_field(10, 12),
    ),
    extras(
        "an extra field without anything",
        "the entry b'sample/__init__.py' has an extra field that is cut short",
        extra=struct.pack("<2H", 0xCAFE, 9),
    ),
    extras(
        "an extra field that is cut short",
        "the entry b'sample/__init__.py' has an extra field that is cut short",
        extra=struct.pack("<2H", 0xCAFE, 9) + b"short",
    ),
    extras(
        "a zip64 size without its field",
        "an entry needs a zip64 field that it does not have",
        central={"size": 0xFFFFFFFF},
    ),
    extras(
        "a zip64 field that is too short",
        "an entry needs a zip64 field that it does not have",
        central={"size": 0xFFFFFFFF, "extra": extra_field(1, b"1234")},
    ),
    extras(
        "a local zip64 size without its field",
        "an entry needs a zip64 field that it does not have",
        local={"size": 0xFFFFFFFF},
    ),
    extras(
        "zip64 sizes that differ",
        f"the local header of `{MODULE}` disagrees with the directory",
        zip64=True,
        local={"extra": zip64_field(11, len(deflate(CODE)))},
    ),
)


def described(title: str, **fields: int) -> Case:
    return Case(
        title,
        lambda: module(descriptor="signed32", described=fields),
        (f"the data descriptor of `{MODULE}` disagrees with the directory",),
    )


def sharing() -> bytes:
    """Return a wheel with two names for one entry's bytes."""
    twin = Entry(name="sample/twin.py", data=CODE, central={"header": 0}, laid=False)
    return wheel(entries=lambda listed: [listed[0], twin, *listed[1:]])


def quoted_overlap() -> bytes:
    """Return an archive whose first deflate stream quotes the second entry's header, and then is the second's too.

    This is how a small archive becomes large without a high ratio in any one place.
    """
    zeros = bytes(100_000)
    kernel = deflate(zeros)
    second = Entry(name="b", data=zeros, stream=kernel)
    header = write_zip([second]).partition(kernel)[0]
    quotation = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF) + header
    first = Entry(name="a", data=header + zeros, stream=quotation + kernel)
    within = write_zip([first]).index(quotation) + 5
    return write_zip([first, Entry(name="b", data=zeros, stream=kernel, central={"header": within}, laid=False)])


LAYOUT = (
    described("a data descriptor with another CRC", crc=1),
    described("a data descriptor with another size", size=11),
    described("a data descriptor with another compressed size", compressed=11),
    Case(
        "no data descriptor where one was announced",
        lambda: module(flags=OPEN),
        (f"the data descriptor of `{MODULE}` disagrees with the directory",),
    ),
    Case("two entries for one file's bytes", sharing, (f"`{MODULE}` shares bytes with another entry",)),
    Case("an overlap that is quoted", quoted_overlap, ("`a` shares bytes with another entry",)),
    Case(
        "data that reaches into the next entry",
        lambda: module(both={"compressed": 30}),
        (f"`{MODULE}` shares bytes with another entry",),
    ),
    Case(
        "data that reaches into the directory",
        lambda: wheel(entries=lambda listed: [*listed, Entry(name="x", data=b"1", both={"compressed": 30})]),
        ("`x` shares bytes with the directory",),
    ),
    Case(
        "an entry that is not listed, before the others",
        lambda: wheel(entries=lambda listed: [Entry(name="evil.py", data=b"evil", listed=False), *listed]),
        ("something stands before its first entry",),
    ),
    Case(
        "an entry that is not listed, between the others",
        lambda: wheel(
            entries=lambda listed: [listed[0], Entry(name="evil.py", data=b"evil", listed=False), *listed[1:]]
        ),
        (f"after `{MODULE}` are bytes that its directory does not name",),
    ),
    Case(
        "an entry that is not listed, after the others",
        lambda: wheel(entries=lambda listed: [*listed, Entry(name="evil.py", data=b"evil", listed=False)]),
        (f"after `{RECORD}` are bytes that its directory does not name",),
    ),
    Case(
        "a program before the archive",
        lambda: wheel(prefix=b"#!/bin/sh\n"),
        ("something stands before its first entry",),
    ),
    Case(
        "a gap between entries",
        lambda: module(after=b"gap"),
        (f"after `{MODULE}` are bytes that its directory does not name",),
    ),
    Case(
        "a gap before the directory",
        lambda: wheel(gap=b"gap"),
        (f"after `{RECORD}` are bytes that its directory does not name",),
    ),
    Case(
        "an executable zip whose offsets are not moved",
        lambda: b"#!/bin/sh\n" + wheel(),
        ("there are bytes between its directory and its end",),
    ),
)


def longer_directory(more: bytes) -> bytes:
    """Return a wheel whose directory ends with *more*, as a sixth entry."""
    size = int.from_bytes(wheel()[-10:-6], "little")
    return wheel(between=more, end={"size": size + len(more), "count": 6, "on_disk": 6})


def overlong_comment() -> bytes:
    """Return a wheel whose directory's last entry has a comment that it does not have."""
    data = bytearray(wheel())
    data[data.rindex(b"PK\1\2") + 32] = 1
    return bytes(data)


NO_END = "it does not end with its directory: it is cut short, or something follows"

END = (
    Case("bytes after the end", lambda: wheel(trailing=b"evil"), (NO_END,)),
    Case(
        "another archive after the end",
        lambda: wheel() + write_zip([Entry(name="evil.py")]),
        ("there are bytes between its directory and its end",),
    ),
    Case("a comment", lambda: wheel(comment=b"hello"), (NO_END,)),
    Case(
        "an end within a comment",
        lambda: wheel(comment=write_zip([])),
        ("there are bytes between its directory and its end",),
    ),
    Case("a comment that is announced only", lambda: wheel(end={"comment": 5}), (NO_END,)),
    Case(
        "bytes after the directory",
        lambda: wheel(between=b"evil"),
        ("there are bytes between its directory and its end",),
    ),
    Case("an end that was cut off", lambda: wheel()[:-1], (NO_END,)),
    Case("zeros instead of an archive", lambda: bytes(1000), (NO_END,)),
    Case(
        "a count that is too low",
        lambda: wheel(end={"on_disk": 4, "count": 4}),
        ("its directory has more entries than it says",),
    ),
    Case("a count that is too high", lambda: wheel(end={"on_disk": 6, "count": 6}), ("its directory ends early",)),
    Case(
        "a directory that is cut short",
        lambda: wheel(entries=lambda listed: [*listed, Entry(name="x", central={"name": b""})], end={"size": 0}),
        ("there are bytes between its directory and its end",),
    ),
    Case("several volumes", lambda: wheel(end={"disk": 1, "first_disk": 1}), ("it is in several volumes",)),
    Case("another volume", lambda: wheel(end={"disk": 1}), ("it is in several volumes",)),
    Case("a directory on another volume", lambda: wheel(end={"first_disk": 1}), ("it is in several volumes",)),
    Case("fewer entries on this volume", lambda: wheel(end={"on_disk": 1}), ("it is in several volumes",)),
    Case(
        "an offset that is wrong",
        lambda: wheel(end={"offset": 7}),
        ("there are bytes between its directory and its end",),
    ),
    Case(
        "no zip64 end although the end needs one",
        lambda: wheel(end={"offset": 0xFFFFFFFF}),
        ("there are bytes between its directory and its end",),
    ),
    Case(
        "a zip64 end elsewhere",
        lambda: wheel(zip64=True, locator={"position": 1}),
        ("its zip64 end record is not where it should be",),
    ),
    Case(
        "a zip64 end on another disk",
        lambda: wheel(zip64=True, locator={"disk": 1}),
        ("its zip64 end record is not where it should be",),
    ),
    Case(
        "a zip64 end of two disks",
        lambda: wheel(zip64=True, locator={"disks": 2}),
        ("its zip64 end record is not where it should be",),
    ),
    Case(
        "a zip64 end on its second disk",
        lambda: wheel(zip64=True, end64={"disk": 1}),
        ("its zip64 end record is not sound",),
    ),
    Case(
        "a zip64 directory on its second disk",
        lambda: wheel(zip64=True, end64={"first_disk": 1}),
        ("its zip64 end record is not sound",),
    ),
    Case(
        "as many entries as may be, that are not there",
        lambda: wheel(zip64=True, end64={"on_disk": 200_000, "count": 200_000}),
        ("its directory ends early",),
    ),
    Case(
        "a directory that is too large",
        lambda: bytes(67108865) + write_zip([], end={"size": 67108865}),
        ("its directory has 0 entries in 67108865 bytes; the limits are 200000 and 67108864",),
    ),
    Case(
        "a directory's entry of another kind",
        lambda: wheel().replace(b"PK\1\2", b"PK\1\3", 1),
        ("its directory ends early",),
    ),
    Case("half a directory's entry", lambda: longer_directory(b"PK\1\2half"), ("its directory ends early",)),
    Case("a directory's entry whose comment is elsewhere", overlong_comment, ("its directory ends early",)),
    Case(
        "a zip64 end of another kind",
        lambda: wheel(zip64=True, end64={"signature": b"PK\6\5"}),
        ("its zip64 end record is not sound",),
    ),
    Case(
        "a zip64 end of another length",
        lambda: wheel(zip64=True, end64={"length": 45}),
        ("its zip64 end record is not sound",),
    ),
    Case(
        "a zip64 end in several volumes",
        lambda: wheel(zip64=True, end64={"on_disk": 1}),
        ("its zip64 end record is not sound",),
    ),
    Case(
        "two ends that disagree",
        lambda: wheel(zip64=True, end={"count": 1, "on_disk": 1}),
        ("its two end records disagree",),
    ),
    Case(
        "too many entries",
        lambda: wheel(zip64=True, end64={"on_disk": 200_001, "count": 200_001}),
        ("its directory has 200001 entries in 345 bytes; the limits are 200000 and 67108864",),
    ),
    Case(
        "less than an end", lambda: b"PK\5\6", ("it has 4 bytes",), IntegrityError, f"`{FILENAME}` is not a zip archive"
    ),
    Case("nothing", lambda: b"", ("it has 0 bytes",), IntegrityError, f"`{FILENAME}` is not a zip archive"),
)


def unsized(rows: list[Row]) -> Iterable[Row]:
    """Leave the sizes out of RECORD, as it may, so that the archive's own are what is believed."""
    return [(path, stated, "") for path, stated, _ in rows]


def content(title: str, cause: str, **fields: Any) -> Case:  # Entry's own
    return Case(
        title,
        lambda: wheel({MODULE: Entry(name=MODULE, **{"data": CODE, **fields})}, rows=unsized),
        (cause,),
    )


CONTENT = (
    content(
        "more content than stated",
        f"`{MODULE}` should have 4 bytes with CRC-32 1366a464; its data gives more",
        both={"size": 4},
    ),
    content(
        "less content than stated",
        f"`{MODULE}` should have 4000000 bytes with CRC-32 1366a464; its data gives 10 with CRC-32 1366a464",
        both={"size": 4_000_000},
    ),
    content(
        "another CRC than stated",
        f"`{MODULE}` should have 10 bytes with CRC-32 00000001; its data gives 10 with CRC-32 1366a464",
        both={"crc": 1},
    ),
    content(
        "another CRC of a stored file",
        f"`{MODULE}` should have 10 bytes with CRC-32 00000001; its data gives 10 with CRC-32 1366a464",
        method=STORED,
        both={"crc": 1},
    ),
    content(
        "a deflate stream that is cut short",
        f"`{MODULE}` does not end where the directory says",
        stream=deflate(CODE)[:-2],
    ),
    content(
        "bytes after a deflate stream",
        f"`{MODULE}` does not end where the directory says",
        stream=deflate(CODE) + b"evil",
    ),
    content("two deflate streams", f"`{MODULE}` does not end where the directory says", stream=deflate(CODE) * 2),
    content("no deflate stream", f"`{MODULE}` does not end where the directory says", stream=b""),
    content(
        "a deflate stream that is none",
        f"`{MODULE}` is not a deflate stream: Error -3 while decompressing data: invalid block type",
        stream=b"\xff" * 12,
    ),
    content(
        "a deflate stream that refers to before its start",
        f"`{MODULE}` is not a deflate stream: Error -3 while decompressing data: invalid distance too far back",
        stream=b"\x03\x02\x00",
    ),
    Case(
        "a ratio bomb",
        lambda: write_zip([Entry(name=MODULE, stream=bytes(1000), both={"size": 65 * 1024 * 1024})]),
        ("its 1000 bytes would become 68157440, more than 50 for one",),
    ),
)


CASES = (*NAMES, *KINDS, *AGREEMENT, *LAYOUT, *END, *CONTENT)


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_a_hostile_archive_is_refused_with_its_reason(case: Case) -> None:
    check(case)


def test_every_case_has_a_title_of_its_own() -> None:
    titles = [case.title for case in CASES]
    assert len(titles) == len(set(titles))


def test_the_directory_alone_is_read_without_the_entries() -> None:
    data = module(local={"crc": 1})
    archive = archives.read(Held(data), what="`x`", local_headers=False)
    assert [member.name for member in archive.members][-1] == "sample/data.bin"
    assert DEFLATED in {member.method for member in archive.members}


@pytest.mark.parametrize("header", [1, 100_000, 2**31])
def test_an_entry_that_is_not_there_is_refused_when_it_is_read(header: int) -> None:
    data = module(central={"header": header})
    archive = archives.read(Held(data), what="`x`", local_headers=False)
    (member,) = (member for member in archive.members if member.name == MODULE)
    with pytest.raises(HostileInputError) as caught:
        archive.read(member)
    cause = f"`{MODULE}` has no local header where the directory says"
    assert told(caught.value) == (HostileInputError, "refusing `x`", (cause,), ())


@pytest.mark.parametrize(
    ("compressed", "size", "refused"),
    [
        (1_000, 64 * 1024 * 1024, False),
        (1_000, 64 * 1024 * 1024 + 1, True),
        (1_400_000, 50 * 1_400_000, False),
        (1_400_000, 50 * 1_400_000 + 1, True),
    ],
)
def test_fifty_for_one_is_the_limit_from_64_mebibytes(compressed: int, size: int, refused: bool) -> None:  # noqa: FBT001  # pytest calls
    data = write_zip([Entry(name=MODULE, stream=bytes(compressed), both={"size": size})])
    if refused:
        with pytest.raises(HostileInputError) as caught:
            archives.read(Held(data), what="`x`")
        cause = f"its {compressed} bytes would become {size}, more than 50 for one"
        assert told(caught.value) == (HostileInputError, "refusing `x`", (cause,), ())
    else:
        assert archives.read(Held(data), what="`x`").members[0].size == size


def test_nothing_is_given_beyond_what_was_stated() -> None:
    data = write_zip([Entry(name=MODULE, data=bytes(20_000_000), both={"size": 10})])
    archive = archives.read(Held(data), what="`x`")
    given: list[bytes] = []
    with pytest.raises(HostileInputError):
        given.extend(archive.inflate(archive.members[0]))
    assert given == []
