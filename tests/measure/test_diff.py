"""Two images, compared: files, distributions, configuration, with times and order or without."""

from __future__ import annotations

from typing import Any

import pytest
from make.bases import Layer
from make.images import image, member, raw_layer, tar_of
from weighing import distribution, image_of

from tare.measure.contents import read_image
from tare.measure.diff import Weighing, diff
from tare.measure.difference import ConfigChange, Difference, FileChange, TreeChange
from tare.oci.image import Image


def side(value: Image) -> Weighing:
    return Weighing("x", value, read_image(value, what="an image"))


def between(before: Image, after: Image, *, semantic: bool = False) -> Difference:
    return diff(side(before), side(after), semantic=semantic)


def files(*layers: tuple[Layer, Layer]) -> list[tuple[str, str, tuple[str, ...]]]:
    found = between(image_of(*(old for old, _ in layers)), image_of(*(new for _, new in layers)))
    return [(each.how, each.path, each.what) for each in found.files]


def test_an_image_is_equal_to_itself() -> None:
    found = between(image_of({"a": b"1"}), image_of({"a": b"1"}))

    assert (found.equal, found.same_digest, found.files) == (True, True, ())


def test_files_came_went_and_changed() -> None:
    old: Layer = {"a": b"1" * 10, "b": b"2", "l": "a", "d/": None, "s": b"x"}
    new: Layer = {"a": b"1" * 12, "c": b"3" * 5, "l": "b", "d": b"4", "s": b"x"}
    found = between(image_of(old), image_of(new))

    changed = {"kind": "data", "distribution": ""}
    assert found.files == (
        FileChange(path="/a", how="changed", what=("content",), before=10, after=12, **changed),
        FileChange(path="/b", how="removed", what=(), before=1, after=None, **changed),
        FileChange(path="/c", how="added", what=(), before=None, after=5, **changed),
        FileChange(path="/d", how="changed", what=("type",), before=0, after=1, **changed),
        FileChange(path="/l", how="changed", what=("target",), before=0, after=0, kind="symlink", distribution=""),
    )
    assert [(kind.kind, kind.before, kind.after) for kind in found.kinds] == [("data", 12, 19)]


def one(**fields: Any) -> Image:
    return image(raw_layer(tar_of(member("a", b"1", **fields))))


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"mode": 0o4755}, ("mode",)),
        ({"uid": 5}, ("owner",)),
        ({"gid": 5}, ("owner",)),
        ({"mtime": 5}, ("time",)),
        ({"pax_headers": {"SCHILY.xattr.security.capability": "x"}}, ("attributes",)),
    ],
)
def test_attributes_of_files_are_compared(fields: dict[str, Any], what: tuple[str, ...]) -> None:
    found = between(one(), one(**fields))

    assert [each.what for each in found.files] == [what]
    assert found.equal is False


def test_times_and_order_are_no_semantic_difference() -> None:
    old = image(
        raw_layer(tar_of(member("a", b"1"), member("b", b"2"))), env=("A=1", "B=2"), labels={"x": "1", "y": "2"}
    )
    new = image(
        raw_layer(tar_of(member("b", b"2", mtime=7))),
        raw_layer(tar_of(member("a", b"1", mtime=9))),
        env=("B=2", "A=1"),
        labels={"y": "2", "x": "1"},
    )

    assert between(old, new, semantic=True).equal is True
    found = between(old, new)
    assert (found.equal, [each.what for each in found.files]) == (False, [("time",), ("time",)])
    assert [each.field for each in found.config] == ["Env, in order"]


def test_a_name_that_is_a_link_to_a_file_is_that_file() -> None:
    assert files(({"a": b"1", "b": "=a"}, {"a": b"1", "b": b"1"})) == []


def test_whole_directories_come_and_go() -> None:
    old: Layer = {"p/x/1": b"1" * 5, "p/x/2": b"2" * 6, "p/y": b"3"}
    new: Layer = {"p/y": b"3", "q/1": b"1", "q/r/2": b"2"}
    found = between(image_of(old), image_of(new))

    assert found.trees == (
        TreeChange(how="removed", path="/p/x/", bytes=11),
        TreeChange(how="added", path="/q/", bytes=2),
    )


def test_layers_are_the_same_by_what_is_in_them() -> None:
    shared, old, new = ({"s": b"1"}, {"a": b"1"}, {"b": b"1"})
    found = between(image_of(shared, old), image_of(shared, new))

    assert [layer.how for layer in found.layers] == ["shared", "removed", "added"]


def test_versions_of_distributions_are_compared() -> None:
    old = {**distribution("a", "1", {"a.py": b"1"}), **distribution("b", "1", {"b.py": b"1"})}
    new = {**distribution("a", "2", {"a.py": b"1" * 9}), **distribution("c", "1", {"c.py": b"1"})}
    found = between(image_of(old), image_of(new))

    rows = {each.name: (each.before, each.after, each.after_bytes - each.before_bytes) for each in found.distributions}
    assert rows["a"] == ("1", "2", 8)
    assert (rows["b"][:2], rows["c"][:2]) == (("1", None), (None, "1"))
    assert {each.path: each.distribution for each in found.files}["/usr/lib/python3.13/site-packages/b.py"] == "b 1"


def test_fields_of_the_configuration_are_compared() -> None:
    layer: Layer = {"a": b"1"}
    old = image_of(layer, env=("PATH=/bin", "OLD="), user="0", cmd=("x",), exposed_ports={"80/tcp": {}})
    new = image_of(layer, env=("PATH=/usr/bin",), entrypoint=("y",), labels={"k": "v"}, exposed_ports={"80/tcp": {}})
    found = between(old, new, semantic=True)

    assert found.config == (
        ConfigChange(field="Cmd", before='["x"]', after=None),
        ConfigChange(field="Entrypoint", before=None, after='["y"]'),
        ConfigChange(field="Env OLD", before="(empty)", after=None),
        ConfigChange(field="Env PATH", before="/bin", after="/usr/bin"),
        ConfigChange(field="Labels k", before=None, after="v"),
        ConfigChange(field="User", before="0", after=None),
    )
    assert found.equal is False
