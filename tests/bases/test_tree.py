"""Layers applied to a tree of names, as engines apply them to a disk."""

from __future__ import annotations

import io

import pytest
from make.bases import Layer, write_layer

from tare.bases.tree import MAX_DEPTH, Tree
from tare.errors import HostileInputError
from tare.oci.tar import TarReader


def tree(*layers: Layer) -> Tree:
    built = Tree()
    for layer in layers:
        reader = TarReader(io.BytesIO(write_layer(layer)), what="a layer")
        built.apply(reader, content)
    return built


def content(path: str, reader: TarReader, size: int) -> bytes:
    data = reader.read()
    assert len(data) == size, path
    return data


def paths(*layers: Layer) -> list[str]:
    return sorted(path for path, _ in tree(*layers).walk())


def test_parents_are_made_where_no_entry_makes_them() -> None:
    assert paths({"a/b/c": b""}) == ["/a", "/a/b", "/a/b/c"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_takes_away_what_is_below_whatever_its_place_in_the_layer(order: int) -> None:
    upper = dict(list({"a/.wh.b": b"", "a/b/new": b"", "a/.wh.gone": b""}.items())[::order])

    assert paths({"a/b/old": b"", "a/gone": b"", "a/stays": b""}, upper) == ["/a", "/a/b", "/a/b/new", "/a/stays"]


@pytest.mark.parametrize("order", [1, -1])
def test_an_opaque_directory_hides_what_is_below_whatever_its_place_in_the_layer(order: int) -> None:
    upper: Layer = dict(list({"a/.wh..wh..opq": b"", "a/new": b"", "a/c/new": b""}.items())[::order])

    assert paths({"a/old": b"", "a/c/old": b"", "b": b""}, upper) == ["/a", "/a/c", "/a/c/new", "/a/new", "/b"]


def test_a_whiteout_of_nothing_does_nothing() -> None:
    assert paths({"a": b""}, {".wh.b": b"", "c/.wh.d": b""}) == ["/a", "/c"]


def test_a_directory_that_is_a_link_below_is_written_through() -> None:
    built = tree({"usr/lib/": None, "lib": "usr/lib"}, {"lib/libz.so.1": b"z"})

    assert built.names("/usr/lib") == ["libz.so.1"]
    assert built.real("/lib/libz.so.1") == "/usr/lib/libz.so.1"


def test_a_directory_entry_replaces_a_link_as_engines_do() -> None:
    built = tree({"usr/lib/a": b"", "lib": "usr/lib"}, {"lib/": None, "lib/b": b""})

    assert (built.names("/lib"), built.names("/usr/lib")) == (["b"], ["a"])


def test_a_file_replaces_a_directory_and_the_other_way_round() -> None:
    assert paths({"a/b": b"", "c": b""}, {"a": b"", "c/": None, "c/d": b""}) == ["/a", "/c", "/c/d"]


def test_a_directory_entry_keeps_what_is_in_the_directory() -> None:
    assert paths({"a/b": b""}, {"a/": None}) == ["/a", "/a/b"]


def test_links_are_followed_and_stay_in_the_tree() -> None:
    built = tree({"etc/file": b"content", "a/up": "../../../../etc/file", "b": "/a", "dot": "./b/./up"})

    assert built.real("/dot") == "/etc/file"
    assert built.clue("b/up") == b"content"
    assert built.is_file("/dot")
    assert not built.is_file("/b")


def test_a_hard_link_is_the_same_file() -> None:
    assert tree({"a": b"content", "b/c": "=a"}, {"d": "=b/c", "e": "=nothing"}).clue("/d") == b"content"


def test_links_in_a_circle_and_to_nothing_lead_nowhere() -> None:
    built = tree({"a": "b", "b": "a", "c": "missing", "d": "c/d"})

    assert [built.real(path) for path in ("/a", "/c", "/d", "/a/x", "")] == [None, None, None, None, "/"]
    assert built.names("/c") == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"a/../../etc/passwd": b""}, "a layer has a path that leaves the image"),
        ({"/".join("a" * (MAX_DEPTH + 1)): b""}, f"a layer has more than {MAX_DEPTH} directories within each other"),
        ({"a": "b", "b": "a", "a/c": b""}, "the image has symbolic links that lead in a circle"),
    ],
)
def test_layers_that_no_engine_could_apply_are_refused(layer: Layer, message: str) -> None:
    with pytest.raises(HostileInputError) as caught:
        tree(layer)

    assert caught.value.message == message
