"""The coder, gzip members, stored blocks, and bounded readers of what anyone compressed."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import tracemalloc
import zlib
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from make.errors import told
from make.zips import deflate as stdlib_deflate

from tare.errors import IntegrityError
from tare.oci.compression import (
    CODER,
    MEMBER_HEADER,
    Deflater,
    crc32,
    deflate,
    dense_members,
    member,
    open_decompressed,
    sniff,
    stored,
    stored_size,
    trailer,
    zstd_frames,
)
from tare.oci.digest import sha256

NOISE = random.Random(3).randbytes(600_000)  # noqa: S311  # the same bytes on every run
TEXT = b"the quick brown fox jumps over the lazy dog, " * 20_000
zstd = zstandard.ZstdCompressor().compress


def read(data: bytes, compression: str) -> bytes:
    return open_decompressed(io.BytesIO(data), compression, what="layer 1").read()


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_dense_members_are_gzip_whatever_pieces_they_are_made_of(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)

    assert gzip.decompress(b"".join(dense_members(pieces))) == whole
    assert list(dense_members(pieces)) == list(dense_members([whole]))


def test_dense_members_are_bounded_small_and_those_that_were_pinned() -> None:
    data = (TEXT + NOISE) * 4
    found = list(dense_members([data[:5], data[5:]]))

    assert [len(gzip.decompress(each)) for each in found] == [4 * 1024 * 1024, len(data) - 4 * 1024 * 1024]
    assert len(b"".join(found)) < len(member(data))
    assert (
        sha256(b"".join(dense_members([TEXT])))
        == "sha256:e204139f0f57868071b50988282897c58212baf81a7005b970fedcdfe30a9b10"
    )


def test_the_coder_says_what_it_is() -> None:
    assert CODER == "zlib-ng 2.3.3 level 6"


@given(st.binary(max_size=2000))
def test_a_member_is_gzip(data: bytes) -> None:
    assert gzip.decompress(member(data)) == data
    assert len(member(data)) == len(deflate(data)) + len(MEMBER_HEADER) + 8


def test_the_coders_bytes_are_the_ones_that_were_pinned() -> None:
    """A new build of the coder changes every layer's digest: it must not come unseen."""
    assert member(b"tare").hex() == "1f8b08000000000000ff2b492c4a050063c7ddac04000000"
    assert (
        sha256(deflate(TEXT + NOISE[:1000]))
        == "sha256:d1aaaae459640eae5dffb0c6369e0e740ffedeed58dd0d4e968c52c858843d27"
    )


@given(st.lists(st.integers(0, 600_000), max_size=6))
@settings(max_examples=30)
def test_pieces_do_not_show_in_what_the_coder_writes(cuts: list[int]) -> None:
    whole = Deflater()
    expected = whole.compress(NOISE) + whole.flush()
    places = [0, *sorted(cuts), len(NOISE)]
    coder = Deflater()
    out = [coder.compress(NOISE[start:end]) for start, end in pairwise(places)]
    assert b"".join(out) + coder.flush() == expected
    assert zlib.decompress(expected, -15) == NOISE


@given(st.lists(st.integers(0, 600_000), max_size=6))
@settings(max_examples=20)
def test_pieces_do_not_show_in_zstd_either(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(NOISE)]
    compressed = b"".join(zstd_frames(NOISE[start:end] for start, end in pairwise(places)))
    assert compressed == b"".join(zstd_frames([NOISE]))
    assert read(compressed, "zstd") == NOISE


@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 131_069, 131_070, 131_071, 600_000])
@pytest.mark.parametrize("piece", [1_000, 65_535, 1_000_000])
def test_stored_blocks_hold_what_they_were_given(size: int, piece: int) -> None:
    data = NOISE[:size]
    chunks = (data[start : start + piece] for start in range(0, size, piece))
    raw = b"".join(stored(chunks, size))
    assert len(raw) == stored_size(size)
    assert zlib.decompress(raw, -15) == data
    assert gzip.decompress(MEMBER_HEADER + raw + trailer(crc32(data), size)) == data


def test_a_trailer_counts_modulo_four_gibibytes() -> None:
    assert trailer(0x01020304, 2**32 + 5) == bytes.fromhex("04030201 05000000")


SOUND = {
    "gzip, one member": ("gzip", gzip.compress(TEXT), TEXT),
    "gzip, two members": ("gzip", gzip.compress(TEXT) + gzip.compress(b"x"), TEXT + b"x"),
    "gzip with a name, a comment and a time": (
        "gzip",
        b"\x1f\x8b\x08\x18\x01\x02\x03\x04\x00\x03name\0comment\0" + stdlib_deflate(b"x") + trailer(crc32(b"x"), 1),
        b"x",
    ),
    "gzip, ten thousand empty members": ("gzip", member(b"") * 10_000, b""),
    "gzip, members of one byte": ("gzip", member(b"x") * 10_000, b"x" * 10_000),
    "gzip, incompressible": ("gzip", gzip.compress(NOISE, 1), NOISE),
    "zstd, one frame": ("zstd", zstd(TEXT), TEXT),
    "zstd, two frames": ("zstd", zstd(TEXT) + zstd(NOISE), TEXT + NOISE),
    "zstd, an empty frame": ("zstd", zstd(b""), b""),
    "zstd, a frame to be skipped": ("zstd", b"\x50\x2a\x4d\x18\x05\0\0\0hello" + zstd(TEXT), TEXT),
    "zstd without the size of its content": (
        "zstd",
        zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(TEXT),
        TEXT,
    ),
    "none": ("none", TEXT, TEXT),
}


@pytest.mark.parametrize(("compression", "data", "expected"), SOUND.values(), ids=SOUND)
def test_what_others_compressed_is_read(compression: str, data: bytes, expected: bytes) -> None:
    assert read(data, compression) == expected
    stream = open_decompressed(io.BytesIO(data), compression, what="layer 1")
    found = b"".join(iter(lambda: stream.read(1000), b""))
    assert found == expected


ENDS = "layer 1 ends within its compressed data"
GZIP = "layer 1 is not sound gzip data"
ZSTD = "layer 1 is not sound zstd data"
BROKEN = {
    "gzip, nothing": ("gzip", b"", ENDS, ()),
    "gzip, half a header": ("gzip", b"\x1f\x8b\x08", ENDS, ()),
    "gzip, cut short": ("gzip", member(TEXT)[:-9], ENDS, ()),
    "gzip, without the last byte": ("gzip", member(TEXT)[:-1], ENDS, ()),
    "gzip, a second member cut short": ("gzip", member(TEXT) + member(b"x")[:5], ENDS, ()),
    "gzip, followed by text": (
        "gzip",
        member(b"x") + b"evil",
        GZIP,
        ("Error -3 while decompressing data: incorrect header check",),
    ),
    "gzip, followed by a zero": (
        "gzip",
        member(b"x") + bytes(20),
        GZIP,
        ("Error -3 while decompressing data: incorrect header check",),
    ),
    "gzip, not at all": ("gzip", TEXT, GZIP, ("Error -3 while decompressing data: incorrect header check",)),
    "gzip, another CRC": (
        "gzip",
        MEMBER_HEADER + deflate(b"x") + trailer(1, 1),
        GZIP,
        ("Error -3 while decompressing data: incorrect data check",),
    ),
    "gzip, another size": (
        "gzip",
        MEMBER_HEADER + deflate(b"x") + trailer(crc32(b"x"), 2),
        GZIP,
        ("Error -3 while decompressing data: incorrect length check",),
    ),
    "gzip, another method": (
        "gzip",
        b"\x1f\x8b\x07" + member(b"x")[3:],
        GZIP,
        ("Error -3 while decompressing data: unknown compression method",),
    ),
    "gzip, no deflate stream": (
        "gzip",
        MEMBER_HEADER + b"\xff" * 30,
        GZIP,
        ("Error -3 while decompressing data: invalid block type",),
    ),
    "zstd, nothing": ("zstd", b"", ENDS, ()),
    "zstd, cut short": ("zstd", zstd(NOISE)[:-1], ENDS, ()),
    "zstd, cut at a block": ("zstd", zstd(NOISE)[: 128 * 1024], ENDS, ()),
    "zstd, followed by text": (
        "zstd",
        zstd(b"x") + b"evil evil",
        ZSTD,
        ("zstd decompressor error: Unknown frame descriptor",),
    ),
    "zstd, not at all": ("zstd", TEXT, ZSTD, ("zstd decompressor error: Unknown frame descriptor",)),
    "zstd, a window of 2 GiB": (
        "zstd",
        b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00",
        ZSTD,
        ("zstd decompressor error: Frame requires too much memory for decoding",),
    ),
    "zstd, another checksum": (
        "zstd",
        zstandard.ZstdCompressor(write_checksum=True).compress(b"x")[:-4] + bytes(4),
        ZSTD,
        ("zstd decompressor error: Restored data doesn't match checksum",),
    ),
}


@pytest.mark.parametrize(("compression", "data", "message", "causes"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_sound_is_told(compression: str, data: bytes, message: str, causes: tuple[str, ...]) -> None:
    with pytest.raises(IntegrityError) as caught:
        read(data, compression)
    assert told(caught.value) == (IntegrityError, message, causes, ())


ZEROS = gzip.compress(bytes(100_000_000), 9)
RLE = b"\x28\xb5\x2f\xfd\x00\x38" + (131_072 << 3 | 2).to_bytes(3, "little") + b"\0"
"""A zstd frame's header, and a block that makes 128 KiB out of four bytes."""


@pytest.mark.parametrize(
    ("compression", "data", "limit"),
    [
        ("gzip", ZEROS, 1_500_000),
        ("zstd", RLE[:6] + RLE[6:] * 50_000, 70_000_000),
    ],
)
def test_a_bomb_is_read_in_bounded_pieces(compression: str, data: bytes, limit: int) -> None:
    stream = open_decompressed(io.BytesIO(data), compression, what="layer 1")
    tracemalloc.start()
    try:
        for _ in range(100):
            assert stream.read(100_000) == bytes(100_000)
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd"]))
def test_no_bytes_give_another_error_than_ours(data: bytes, compression: str) -> None:
    with contextlib.suppress(IntegrityError):
        read(data, compression)


@given(st.integers(0, 2000), st.integers(0, 255), st.sampled_from(["gzip", "zstd"]))
def test_a_changed_byte_gives_an_error_of_ours_or_the_same_content(place: int, value: int, compression: str) -> None:
    text = TEXT[:5000]
    checked = zstandard.ZstdCompressor(write_checksum=True)
    sound = bytearray(gzip.compress(text) if compression == "gzip" else checked.compress(text))
    sound[place % len(sound)] = value
    with contextlib.suppress(IntegrityError):
        assert read(bytes(sound), compression) == text


@pytest.mark.parametrize(
    ("head", "compression"),
    [
        (member(b"x"), "gzip"),
        (zstd(b"x"), "zstd"),
        (b"\x50*M\x18\0\0\0\0", "zstd"),
        (b"_*M\x18", "zstd"),
        (b"`*M\x18", "none"),
        (b"usr/", "none"),
        (b"", "none"),
        (b"\x1f", "none"),
    ],
)
def test_the_first_bytes_show_the_compression(head: bytes, compression: str) -> None:
    assert sniff(head) == compression


@pytest.mark.parametrize("before", [b"", b"\x50*M\x18\x05\0\0\0hello"])
@pytest.mark.parametrize("after", [b"", b"\x5f*M\x18\x01\0\0\0x"])
def test_frames_of_zstd_that_are_no_data_are_passed_over(before: bytes, after: bytes) -> None:
    data = before + zstd(b"one") + after + before + zstd(b"two") + after
    with open_decompressed(io.BytesIO(data), "zstd", what="a layer") as stream:
        assert stream.read() == b"onetwo"
