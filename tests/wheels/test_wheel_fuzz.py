"""Whatever bytes a wheel has: it is read as it was made, or refused by an error of ours, in little time."""

from __future__ import annotations

import dataclasses
import io
import struct
import time
import zipfile
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from make.layers import files_of, read_tree, transmuxed
from make.wheels import DIST_INFO, FILENAME, Held, contents, make_wheel, open_bytes
from make.zips import DEFLATED, STORED, Entry, write_zip

from tare.errors import TareError
from tare.oci.digest import sha256
from tare.wheels import archive as archives
from tare.wheels import wheel as wheels
from tare.wheels.entry_points import console_scripts

SECONDS = 2.0
"""What the slowest example may take; they take some milliseconds."""

FILES: dict[str, bytes | Entry] = {
    "sample/__init__.py": b"VALUE = 1\n" * 50,
    "sample/stored.bin": Entry(name="sample/stored.bin", data=bytes(range(256)), method=STORED),
    "sample/streamed.py": Entry(name="sample/streamed.py", data=b"x = 1\n", descriptor="signed32"),
    "sample/large.py": Entry(name="sample/large.py", data=b"y = 2\n", zip64=True),
    f"{DIST_INFO}/entry_points.txt": b"[console_scripts]\ntool = sample:main\n",
    "sample-1.0.data/scripts/old": b"#!python\n",
}
SOUND = make_wheel(FILES)
CONTENTS = contents(open_bytes(SOUND))
INSTALLED = files_of(read_tree(transmuxed(open_bytes(SOUND))[0]))
STARTS = [place for place in range(len(SOUND)) if SOUND[place : place + 2] == b"PK"]


def check(data: bytes) -> None:
    """Take *data* all the way into a layer. It is what `SOUND` is, or an error of ours, soon."""
    started = time.monotonic()
    try:
        wheel = open_bytes(data)
        found = contents(wheel)
        layer, written = transmuxed(wheel)
    except TareError as error:
        assert FILENAME in error.message  # noqa: PT017  # the wheel may be sound
    else:
        assert found == CONTENTS
        assert files_of(read_tree(layer)) == INSTALLED
        assert written.descriptor.size == len(layer)
    assert time.monotonic() - started < SECONDS


places = st.integers(0, len(SOUND) - 1) | st.builds(
    lambda start, offset: min(start + offset, len(SOUND) - 1), st.sampled_from(STARTS), st.integers(0, 60)
)


@given(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=400)
def test_bytes_that_changed(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SOUND)
    for place, value in changes:
        data[place] = value
    check(bytes(data))


@pytest.mark.slow
@pytest.mark.parametrize("bit", range(8))
def test_any_bit_that_flipped(bit: int) -> None:
    for place in range(len(SOUND)):
        data = bytearray(SOUND)
        data[place] ^= 1 << bit
        check(bytes(data))


@given(places, st.binary(max_size=30), st.integers(0, 30))
@settings(max_examples=200)
def test_bytes_that_were_put_in_or_taken_out(place: int, put_in: bytes, taken_out: int) -> None:
    check(SOUND[:place] + put_in + SOUND[place + taken_out :])


@given(st.integers(0, len(SOUND)))
def test_wheels_that_were_cut(length: int) -> None:
    check(SOUND[:length])


@given(places, places, st.integers(1, 200))
def test_bytes_that_were_copied_elsewhere(source: int, target: int, length: int) -> None:
    data = bytearray(SOUND)
    data[target : target + length] = SOUND[source : source + length]
    check(bytes(data))


@given(places, st.sampled_from([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF]), st.sampled_from("HI"))
@settings(max_examples=300)
def test_numbers_at_their_limits(place: int, number: int, form: str) -> None:
    value = struct.pack(f"<{form}", number & (0xFFFF if form == "H" else 0xFFFFFFFF))
    check(SOUND[:place] + value + SOUND[place + len(value) :])


@given(st.binary(max_size=400))
@example(write_zip([]))
def test_bytes_that_are_no_wheel(data: bytes) -> None:
    with pytest.raises(TareError):
        open_bytes(data)


numbers = st.integers(0, 0xFFFF) | st.sampled_from([0, 0xFFFF])
longs = st.integers(0, 0xFFFFFFFF) | st.integers(0, 300) | st.sampled_from([0, 0xFFFFFFFF])
fields = st.fixed_dictionaries(
    {},
    optional={
        "flags": numbers | st.sampled_from([0, 8, 0x800, 0x808, 1]),
        "method": numbers | st.sampled_from([STORED, DEFLATED]),
        "crc": longs,
        "compressed": longs,
        "size": longs,
        "extra": st.binary(max_size=40),
        "name": st.binary(max_size=40),
    },
)
central = st.fixed_dictionaries(
    {}, optional={"header": longs, "disk": numbers, "attributes": longs, "made_by": numbers}
)
entries = st.builds(
    Entry,
    name=st.text(max_size=20) | st.just("sample/__init__.py"),
    data=st.binary(max_size=60),
    method=st.sampled_from([STORED, DEFLATED]),
    stream=st.none() | st.binary(max_size=60),
    descriptor=st.sampled_from([None, "signed32", "signed64", "bare32", "bare64"]),
    described=st.fixed_dictionaries({}, optional={"crc": longs, "size": longs}),
    zip64=st.booleans(),
    local=fields,
    central=central,
    both=fields,
    listed=st.booleans(),
)
ends = st.fixed_dictionaries(
    {},
    optional={
        "count": numbers,
        "on_disk": numbers,
        "size": longs,
        "offset": longs,
        "disk": numbers,
        "comment": numbers,
    },
)


@given(st.lists(entries, max_size=4), ends, st.booleans())
@settings(max_examples=300)
def test_archives_of_any_fields(given_entries: list[Entry], end: dict[str, Any], zip64: bool) -> None:  # noqa: FBT001  # hypothesis calls
    data = write_zip(given_entries, end=end, zip64=zip64)
    started = time.monotonic()
    try:
        archive = archives.read(Held(data), what="`x`")
        found = {member.name: archive.read(member) for member in archive.members}
    except TareError:
        return
    finally:
        assert time.monotonic() - started < SECONDS
    with zipfile.ZipFile(io.BytesIO(data)) as independent:
        assert found == {name: independent.read(name) for name in independent.namelist() if name[-1] != "/"}


@given(st.text(max_size=200) | st.text(',"\n\r=sha256/.0', max_size=200))
def test_any_text_as_record(text: str) -> None:
    _with_file("RECORD", text)


@given(st.text(max_size=200) | st.text("Name: Version\n\r\t 1.0sample", max_size=200))
def test_any_text_as_metadata(text: str) -> None:
    _with_file("METADATA", text)


@given(st.text(max_size=200) | st.text("[console_scripts]\n =:.;#", max_size=200))
def test_any_text_as_entry_points(text: str) -> None:
    try:
        found = list(console_scripts(text, what="`x`"))
    except TareError:
        return
    assert all("/" not in name and name not in {"", ".", ".."} for name, _ in found)


@given(st.text(max_size=40))
def test_any_text_as_a_file_name(filename: str) -> None:
    with pytest.raises(TareError):
        wheels.read(archives.read(Held(SOUND), what="`x`"), filename=filename, digest=sha256(SOUND))


def _with_file(name: str, text: str) -> None:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    path = f"{DIST_INFO}/{name}"
    replaced = make_wheel(
        FILES,
        entries=lambda listed: [
            dataclasses.replace(entry, data=data) if entry.name == path else entry for entry in listed
        ],
    )
    try:
        transmuxed(open_bytes(replaced))
    except TareError:
        return
    assert name == "METADATA"
