"""A layer is found again by everything that its bytes depend on, and by nothing less."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from make.layers import MTIME, SCHEME, layer_of, segment_of, transmuxed
from make.wheels import make_wheel, open_bytes
from make.zips import STORED, Entry

from tare.build.keys import FORMAT, FileKey, LayerKey, SegmentKey, layer_key
from tare.oci.compression import CODER
from tare.oci.digest import Digest, sha256
from tare.oci.ground import Directory, Ground
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer
from tare.stores.cache import key_of
from tare.wheels.scheme import Provenance, Scheme

KEY = LayerKey(
    format=1,
    coder="zlib-ng",
    mtime=MTIME,
    single_member=False,
    segments=(
        SegmentKey(
            wheel=sha256(b"wheel"),
            scheme=Scheme(prefix="opt/venv", series=(3, 13), free_threaded=False),
            provenance=Provenance(requested=False, direct_url=b""),
            without=("opt/venv/x",),
            dropped=("opt/venv/y",),
            cuts=(("opt/venv/z.so", "00ff"),),
            recoded=False,
        ),
    ),
    files=(FileKey(path="app/main.py", mode=0o644, content=sha256(b"content")),),
    directories=("app",),
    ground=Ground(directories={"tmp": Directory(mode=0o1777, uid=1, gid=2)}, links={"bin": "usr/bin"}),
)


def changed(value: Any) -> Iterator[tuple[str, Any]]:  # any field's value
    """Yield every value that differs from *value* in one place, with the place's name."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            for place, other in changed(getattr(value, name)):
                yield f"{name}{place}", msgspec.structs.replace(value, **{name: other})
    elif isinstance(value, bool):
        yield "", not value
    elif isinstance(value, int):
        yield "", value + 1
    elif isinstance(value, str):
        yield "", value + "x"
    elif isinstance(value, bytes):
        yield "", value + b"x"
    elif isinstance(value, dict):
        yield from changed_mapping(value)
    else:
        assert isinstance(value, tuple)
        yield ".removed", value[:-1]
        yield ".added", (*value, value[-1])
        for place, other in changed(value[0]):
            yield f"[0].{place}", (other, *value[1:])


def changed_mapping(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:  # any field's value
    yield ".removed", {}
    for name, item in value.items():
        yield f"[{name}].renamed", {f"{name}x": item}
        for place, other in changed(item):
            yield f"[{name}]{place}", {name: other}


CHANGED = dict(changed(KEY))


@pytest.mark.parametrize("place", CHANGED)
def test_a_change_in_any_field_changes_the_key(place: str) -> None:
    assert key_of(CHANGED[place]) != key_of(KEY)


def test_all_keys_differ() -> None:
    assert len({key_of(key) for key in CHANGED.values()}) == len(CHANGED)


def test_every_field_was_changed() -> None:
    """The walk is by reflection, so a field that somebody adds is in it; this is the proof that it walks."""
    fields = {
        *(
            f"{name}"
            for name in LayerKey.__struct_fields__
            if name not in {"segments", "files", "directories", "ground"}
        ),
        *(f"segments[0].{name}" for name in SegmentKey.__struct_fields__ if name in {"wheel", "recoded"}),
        *(f"segments[0].scheme{name}" for name in Scheme.__struct_fields__ if name != "series"),
        *(f"segments[0].provenance{name}" for name in Provenance.__struct_fields__),
        *(f"files[0].{name}" for name in FileKey.__struct_fields__),
        "segments[0].schemeseries[0].",
        "segments[0].without[0].",
        "directories[0].",
        *(f"grounddirectories[tmp]{name}" for name in Directory.__struct_fields__),
        "groundlinks[bin]",
    }
    assert fields <= CHANGED.keys()


def test_equal_inputs_give_equal_keys() -> None:
    assert key_of(KEY) == key_of(msgspec.json.decode(msgspec.json.encode(KEY), type=LayerKey))


WHEEL = open_bytes(make_wheel({"x.py": b""}))
FILES = (
    PlannedFile("a", 0o755, 5, b"bytes"),
    PlannedFile("b", 0o644, 5, HostFile("/home/me/b", sha256(b"bytes"))),
    PlannedFile("c", 0o777, 0, Link("a")),
)
LAYER = msgspec.structs.replace(layer_of([WHEEL], FILES), directories=("srv",))


def key(layer: PlannedLayer = LAYER, *, mtime: int = MTIME, recoded: frozenset[Digest] = frozenset()) -> LayerKey:
    return layer_key(layer, mtime=mtime, single_member=False, recoded=recoded)


def test_the_key_of_a_layer_has_all_that_its_bytes_depend_on() -> None:
    assert key() == LayerKey(
        format=FORMAT,
        coder=CODER,
        mtime=MTIME,
        single_member=False,
        segments=(
            SegmentKey(
                wheel=WHEEL.digest,
                scheme=SCHEME,
                provenance=Provenance(),
                without=(),
                dropped=(),
                cuts=(),
                recoded=False,
            ),
        ),
        files=(
            FileKey(path="a", mode=0o755, content=sha256(b"bytes")),
            FileKey(path="b", mode=0o644, content=sha256(b"bytes")),
            FileKey(path="c", mode=0o777, content="-> a"),
        ),
        directories=("srv",),
        ground=Ground(),
    )


def test_the_reason_of_a_layer_and_where_a_file_lies_are_not_in_its_key() -> None:
    moved = (FILES[0], FILES[1]._replace(source=HostFile("/elsewhere", sha256(b"bytes"))), FILES[2])
    other = msgspec.structs.replace(LAYER, why="another reason", kind="project", files=moved)
    assert key(other) == key()


def test_whether_streams_are_taken_over_is_in_the_key_of_the_wheel() -> None:
    assert key(recoded=frozenset({WHEEL.digest})).segments[0].recoded
    assert not key(recoded=frozenset({sha256(b"another")})).segments[0].recoded


def test_a_segments_files_follow_from_what_is_in_its_key() -> None:
    """What is left to another distribution is the one thing that a segment's key must add to its wheel and scheme."""
    segment = segment_of(WHEEL)
    known = set(SegmentKey.__struct_fields__) | {"name", "version", "filename", "files", "shortened"}
    assert set(segment.__struct_fields__) <= known
    assert set(PlannedLayer.__struct_fields__) <= set(LayerKey.__struct_fields__) | {"kind", "why"}
    assert set(PlannedFile._fields) <= set(FileKey.__struct_fields__) | {"size", "source"}


GOLDEN = {2: "sha256:f6da2aeebfdc09a7d0b17c45dfaeed73e3740e30d944453989c7b9d2874f9867"}
"""By format, the digest of `LAYER` without the file of the host."""


def test_the_bytes_of_a_layer_do_not_change_within_a_format() -> None:
    """A layer that is remembered under a key must be the one that would be written today."""
    files = {
        name: Entry(name=name, data=data, method=STORED) for name, data in {"x.py": b"", "y.py": b"1" * 70_000}.items()
    }
    stored = open_bytes(make_wheel(files, entries=lambda listed: [as_stored(entry) for entry in listed]))
    layer, _ = transmuxed(stored, files=(FILES[0], FILES[2]))
    assert sha256(layer) == GOLDEN[FORMAT]


def as_stored(entry: Entry) -> Entry:
    """Return an entry that is the same whatever zlib Python has."""
    return dataclasses.replace(entry, method=STORED)
