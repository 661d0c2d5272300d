"""Distributions that bring the same path."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from make.layers import MTIME, SITE, files_of, read_tree, segment_of
from make.wheels import METADATA, WHEEL, make_wheel, open_bytes

from tare.build.transmux import begin_layer
from tare.plan.overlaps import settle
from tare.plan.plan import PlannedLayer, Segment
from tare.wheels.wheel import Wheel


def wheel(name: str, files: dict[str, bytes]) -> Wheel:
    metadata = METADATA.replace(b"sample", name.encode())
    data = make_wheel(files, dist_info=f"{name}-1.0.dist-info", metadata=metadata, wheel=WHEEL)
    return open_bytes(data, f"{name}-1.0-py3-none-any.whl")


def segment(name: str, files: dict[str, bytes]) -> Segment:
    return segment_of(wheel(name, files))


def places(segments: tuple[Segment, ...]) -> dict[str, list[str]]:
    return {
        item.name: [file.path.removeprefix(f"{SITE}/") for file in item.files if "dist-info" not in file.path]
        for item in segments
    }


def test_the_first_by_name_keeps_a_path_and_equal_contents_are_no_news() -> None:
    a, b = (
        segment("a", {"ns/__init__.py": b"", "ns/a.py": b"a"}),
        segment("b", {"ns/__init__.py": b"", "ns/b.py": b"b"}),
    )
    settled, notes = settle([b, a])
    assert places(settled) == {"a": ["ns/__init__.py", "ns/a.py"], "b": ["ns/b.py"]}
    assert [item.without for item in settled] == [(), (f"{SITE}/ns/__init__.py",)]
    assert notes == ()


def test_different_contents_are_told() -> None:
    settled, notes = settle([segment("a", {"ns/x.py": b"a"}), segment("b", {"ns/x.py": b"b"})])
    assert places(settled) == {"a": ["ns/x.py"], "b": []}
    assert notes == (f"`a` and `b` both have `/{SITE}/ns/x.py`, with different contents: the one of `a` is kept",)


def test_distributions_that_share_nothing_are_left_alone() -> None:
    a, b = segment("a", {"a.py": b""}), segment("b", {"b.py": b""})
    assert settle([b, a]) == ((a, b), ())


file_names = st.sampled_from(["x.py", "y.py", "ns/__init__.py", "ns/x.py"])
wheels = st.dictionaries(st.sampled_from("abcd"), st.dictionaries(file_names, st.sampled_from([b"", b"1"])), max_size=4)


@given(wheels)
def test_afterwards_every_path_is_there_once(given_wheels: dict[str, dict[str, bytes]]) -> None:
    segments = [segment(name, files) for name, files in given_wheels.items()]
    settled, _ = settle(segments)
    paths = [file.path for item in settled for file in item.files]
    assert len(paths) == len(set(paths))
    assert set(paths) == {file.path for item in segments for file in item.files}


def test_what_is_left_to_another_is_written_once() -> None:
    a, b = wheel("a", {"ns/__init__.py": b"a", "ns/a.py": b""}), wheel("b", {"ns/__init__.py": b"b", "ns/b.py": b""})
    settled, _ = settle([segment_of(a), segment_of(b)])
    out = io.BytesIO()
    layer = PlannedLayer(kind="wheels", why="a test", segments=settled)
    begin_layer(layer, {a.digest: a, b.digest: b}, out, mtime=MTIME)()
    files = files_of(read_tree(out.getvalue()))
    assert files[f"{SITE}/ns/__init__.py"] == b"a"
    assert {f"{SITE}/ns/a.py", f"{SITE}/ns/b.py"} <= files.keys()
