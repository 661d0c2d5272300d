"""Layers are what their writer was given, whichever way each file was given to it."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from make.layers import MTIME
from make.zips import deflate

from tare.oci import media_types
from tare.oci.changeset import LayerWriter
from tare.oci.compression import member
from tare.oci.digest import sha256
from tare.oci.layer import WrittenLayer

NOISE = random.Random(7).randbytes(800_000)  # noqa: S311  # the same bytes on every run
SIZES = (0, 1, 511, 512, 513, 65_535, 65_536, 262_143, 262_144, 262_145, 700_000)
"""Around a block of a tar, a stored block of deflate, and the size from which a member is fed piece by piece."""


class Step(NamedTuple):
    """One entry, and how it is given."""

    way: Literal["add", "add_stream", "add_deflated", "directory", "symlink"]
    path: str
    mode: int
    data: bytes
    target: str = ""
    cuts: tuple[int, ...] = ()
    """Where content that comes in pieces is cut."""


def pieces(data: bytes, cuts: tuple[int, ...]) -> Iterator[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        yield data[start:end]


def write(steps: list[Step]) -> tuple[bytes, WrittenLayer]:
    out = io.BytesIO()
    writer = LayerWriter(out, mtime=MTIME)
    for way, path, mode, data, target, cuts in steps:
        if way in {"directory", "symlink"}:
            writer.add(path, kind="directory" if way == "directory" else "symlink", mode=mode, target=target)
        elif way == "add":
            writer.add(path, mode=mode, data=data)
        elif way == "add_stream":
            writer.add_stream(path, mode=mode, size=len(data), chunks=pieces(data, cuts))
        else:
            raw, inflated = pieces(deflate(data), cuts), pieces(data, cuts)
            writer.add_deflated(path, mode=mode, size=len(data), crc=zlib.crc32(data), raw=raw, inflated=inflated)
    written = writer.close()
    return out.getvalue(), written


def members(layer: bytes) -> int:
    """Return the number of gzip members, found by Python's zlib."""
    count = 0
    while layer:
        decoder = zlib.decompressobj(31)
        decoder.decompress(layer)
        assert decoder.eof
        layer, count = decoder.unused_data, count + 1
    return count


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cc", "Cs")), min_size=1, max_size=60
)
paths = st.lists(names.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=6).map("/".join)
modes = st.sampled_from([0o644, 0o755, 0o600, 0o4755, 0])
cuts = st.lists(st.integers(0, 800_000), max_size=5).map(tuple)
content = st.binary(max_size=40) | st.builds(
    lambda size, noisy: NOISE[:size] if noisy else bytes(size), st.sampled_from(SIZES), st.booleans()
)
steps = st.lists(
    st.builds(Step, st.sampled_from(["add", "add_stream", "add_deflated"]), paths, modes, content, st.just(""), cuts)
    | st.builds(Step, st.just("directory"), paths, modes, st.just(b""))
    | st.builds(Step, st.just("symlink"), paths, modes, st.just(b""), paths),
    max_size=8,
)

KINDS = {"directory": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE}


@given(steps)
@settings(max_examples=60)
def test_a_layer_has_the_entries_that_were_given_in_their_order(given_steps: list[Step]) -> None:
    layer, _ = write(given_steps)
    found = []
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer))) as archive:
        for entry in archive:
            stream = archive.extractfile(entry) if entry.isfile() else None
            data = stream.read() if stream else b""
            found.append((entry.name, entry.type, entry.mode, entry.linkname, data))
            assert (entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) == (0, 0, "", "", MTIME)
    assert found == [
        (step.path, KINDS.get(step.way, tarfile.REGTYPE), step.mode, step.target, step.data) for step in given_steps
    ]


@given(steps)
@settings(max_examples=60)
def test_what_is_known_of_a_layer_is_true(given_steps: list[Step]) -> None:
    layer, written = write(given_steps)
    assert written.descriptor.media_type == media_types.LAYER_GZIP
    assert written.descriptor.digest == "sha256:" + hashlib.sha256(layer).hexdigest()
    assert written.descriptor.size == len(layer)
    assert written.diff_id == "sha256:" + hashlib.sha256(gzip.decompress(layer)).hexdigest()
    assert written.unpacked == sum(len(step.data) for step in given_steps)


@given(steps, cuts)
@settings(max_examples=60)
def test_how_content_is_cut_does_not_show(given_steps: list[Step], other: tuple[int, ...]) -> None:
    assert write(given_steps) == write([step._replace(cuts=other) for step in given_steps])


@given(steps)
@settings(max_examples=30)
def test_the_diff_id_does_not_depend_on_the_way(given_steps: list[Step]) -> None:
    plain = [step._replace(way="add") if step.way.startswith("add") else step for step in given_steps]
    _, written = write(given_steps)
    layer, other = write(plain)
    assert (written.diff_id, written.unpacked) == (other.diff_id, other.unpacked)
    assert members(layer) == 1


@given(steps)
@settings(max_examples=30)
def test_each_deflated_file_is_a_member_and_what_stands_between_is_one(given_steps: list[Step]) -> None:
    layer, _ = write(given_steps)
    deflated = sum(step.way == "add_deflated" for step in given_steps)
    assert members(layer) == 2 * deflated + 1


def test_a_deflated_file_is_taken_over_as_it_is() -> None:
    data = NOISE[:1000] * 20
    layer, _ = write([Step("add_deflated", "x", 0o644, data)])
    assert layer.count(deflate(data)) == 1


def test_the_bytes_of_a_large_file_are_the_ones_that_were_pinned() -> None:
    """Content that does not fit into one go is fed to the coder in pieces, and where they end shows in its output."""
    _, written = write([Step("add", "x", 0o644, (NOISE[:1000] * 300 + bytes(300_000)) * 3)])
    assert written.descriptor.digest == "sha256:de4da28f4d596b97f40930fdd84b5082b0c699c9b57a11f1f36de42a9581023c"


def test_an_empty_layer_is_the_end_of_an_archive() -> None:
    layer, written = write([])
    assert gzip.decompress(layer) == bytes(1024)
    assert layer == member(bytes(1024))
    assert (written.unpacked, written.diff_id) == (0, sha256(bytes(1024)))


def test_the_time_of_entries_is_the_one_that_was_given() -> None:
    out = io.BytesIO()
    writer = LayerWriter(out, mtime=1_700_000_000)
    writer.add("x", data=b"x")
    writer.close()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(out.getvalue()))) as archive:
        assert archive.getmember("x").mtime == 1_700_000_000
