"""No bytes make a check raise, and no changed byte of an image goes unseen."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images.parts import Image, Layer
from images.sound import streamed
from images.tars import archive, file, pax

from tare.oci import validate
from tare.oci.validate import Limits

LIMITS = Limits(documents=50, layers=50)


def image() -> Image:
    """Return an image with a layer of each compression."""
    made = Image()
    made.layers.append(Layer(archive(pax({b"path": b"opt/" + b"p" * 120}, file("x", b"x" * 3_000))), "zstd"))
    made.layers.append(Layer(archive(file("opt/plain", b"y" * 700)), "none"))
    tar = archive(file("opt/streamed", b"z" * 700))
    made.layers.append(Layer(tar, "zstd", stored=streamed(tar)))
    return made


@pytest.fixture(scope="module")
def layout() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        image().write(Path(directory) / "layout")
        yield Path(directory) / "layout"


def files_of(layout: Path) -> list[Path]:
    return sorted(path.relative_to(layout) for path in layout.rglob("*") if path.is_file())


def changed(layout: Path, name: Path, data: bytes) -> validate.Verdict:
    """Check a copy of *layout* with other bytes in one file."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "layout"
        shutil.copytree(layout, copy)
        (copy / name).write_bytes(data)
        return validate.layout(copy, limits=LIMITS)


def test_the_layout_is_sound_before(layout: Path) -> None:
    assert validate.layout(layout).findings == ()


@given(data=st.data())
@settings(max_examples=300)
def test_a_flipped_bit_of_a_blob_is_always_found(layout: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([path for path in files_of(layout) if path.parts[0] == "blobs"]))
    raw = bytearray((layout / name).read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not changed(layout, name, bytes(raw)).valid


@given(data=st.data())
@settings(max_examples=200)
def test_a_blob_that_is_cut_or_longer_is_always_found(layout: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([path for path in files_of(layout) if path.parts[0] == "blobs"]))
    raw = (layout / name).read_bytes()
    cut = data.draw(st.integers(0, len(raw)))
    tail = data.draw(st.binary(min_size=1 if cut == len(raw) else 0, max_size=20))
    if raw[:cut] + tail != raw:
        assert not changed(layout, name, raw[:cut] + tail).valid


@given(data=st.data())
@settings(max_examples=200)
def test_no_bytes_of_a_document_make_a_check_raise(layout: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([Path("index.json"), Path("oci-layout")]))
    raw = (layout / name).read_bytes()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 30)))
    new = data.draw(st.binary(max_size=10) | st.sampled_from([b"null", b"[]", b"{}", b"-1", b'"x"', b"1e999", b"2"]))
    changed(layout, name, raw[:start] + new + raw[end:])


DOCUMENT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KINDS = ("config", "manifest", "index")


@given(kind=st.sampled_from(KINDS), value=DOCUMENT, data=st.data())
@settings(max_examples=400)
def test_no_value_in_a_document_makes_a_check_raise(kind: str, value: object, data: st.DataObject) -> None:
    """Replace one value somewhere in a document by any other, with all digests right."""

    def edit(document: object) -> None:
        while True:
            keys = list(document) if isinstance(document, dict) else list(range(len(document)))  # type: ignore[arg-type]
            if not keys:
                return
            key = data.draw(st.sampled_from(keys))
            inner = document[key]  # type: ignore[index]
            if not isinstance(inner, (dict, list)) or data.draw(st.booleans()):
                document[key] = value  # type: ignore[index]
                return
            document = inner

    made = Image()
    getattr(made, kind).append(edit)
    with tempfile.TemporaryDirectory() as directory:
        made.write(Path(directory) / "layout")
        validate.layout(Path(directory) / "layout", limits=LIMITS)


@given(data=st.data())
@settings(max_examples=400)
def test_no_bytes_of_a_layer_make_a_check_raise(data: st.DataObject) -> None:
    """Change an archive, with all digests right."""
    made = image()
    number = data.draw(st.integers(0, len(made.layers) - 1))
    raw = bytearray(made.layers[number].tar)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        new = data.draw(st.binary(min_size=1, max_size=12))
        raw[at : at + len(new)] = new
    made.layers[number] = Layer(bytes(raw), data.draw(st.sampled_from(["gzip", "zstd", "none"])))
    with tempfile.TemporaryDirectory() as directory:
        made.write(Path(directory) / "layout")
        verdict = validate.layout(Path(directory) / "layout", limits=LIMITS)
        assert validate.layout(Path(directory) / "layout", limits=LIMITS, workers=2) == verdict
