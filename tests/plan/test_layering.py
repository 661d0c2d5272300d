"""Which distribution goes into which layer."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from make.errors import told
from make.layers import SCHEME, SITE

from tare.errors import HostileInputError, ProjectError, TargetError
from tare.oci.digest import sha256
from tare.plan.environment import skeleton
from tare.plan.layering import BUDGET, FLOOR, MAX_LAYERS, arrange
from tare.plan.plan import PlannedFile, PlannedLayer, Segment
from tare.wheels.scheme import InstalledFile, Provenance

SKELETON = skeleton(SCHEME, interpreter="/usr/bin/python3.13", version="3.13.5")
Sizes = dict[str, int]


def segment(name: str, *paths: str) -> Segment:
    paths = paths or (f"{SITE}/{name}/__init__.py", f"{SITE}/{name}-1.0.dist-info/RECORD")
    return Segment(
        name=name,
        version="1.0",
        filename=f"{name}-1.0-py3-none-any.whl",
        wheel=sha256(name.encode()),
        scheme=SCHEME,
        provenance=Provenance(),
        files=tuple(InstalledFile(path, 0o644, 1, b"x") for path in sorted(paths)),
    )


def arranged(sizes: Sizes, *, base_layers: int = 1, budget: int = BUDGET) -> tuple[PlannedLayer, ...]:
    segments = [segment(name) for name in sizes]
    return arrange(segments, compressed=sizes, skeleton=SKELETON, base_layers=base_layers, budget=budget)


def told_layers(layers: Sequence[PlannedLayer]) -> list[tuple[str, tuple[str, ...]]]:
    return [(layer.kind, tuple(item.name for item in layer.segments)) for layer in layers]


names = st.text("abcdefgh", min_size=1, max_size=4)
bytes_of = st.one_of(
    st.integers(0, FLOOR - 1), st.integers(FLOOR, 100 * FLOOR), st.sampled_from([0, FLOOR - 1, FLOOR, FLOOR + 1])
)
sizes_of = st.dictionaries(names, bytes_of, max_size=30)
budgets = st.integers(2, 40)
base_layers_of = st.integers(0, MAX_LAYERS - 2)


@given(sizes_of, base_layers_of, budgets)
def test_splitting_never_changes_the_files(sizes: Sizes, base_layers: int, budget: int) -> None:
    layers = arranged(sizes, base_layers=base_layers, budget=budget)
    found = [file.path for layer in layers for file in layer.all_files()]
    expected = [file.path for name in sizes for file in segment(name).files] + [file.path for file in SKELETON]
    assert sorted(found) == sorted(expected)
    assert len(found) == len(set(found))


@given(sizes_of, base_layers_of, budgets)
def test_the_budget_and_the_limit_of_runtimes_hold(sizes: Sizes, base_layers: int, budget: int) -> None:
    layers = arranged(sizes, base_layers=base_layers, budget=budget)
    with_project = len(layers) + 1
    assert with_project <= budget
    assert base_layers + with_project <= MAX_LAYERS


@given(sizes_of, base_layers_of, budgets, st.randoms())
def test_the_order_of_the_input_does_not_matter(
    sizes: Sizes, base_layers: int, budget: int, shuffler: random.Random
) -> None:
    shuffled = list(sizes.items())
    shuffler.shuffle(shuffled)
    assert arranged(dict(shuffled), base_layers=base_layers, budget=budget) == arranged(
        sizes, base_layers=base_layers, budget=budget
    )


@given(sizes_of, base_layers_of, budgets)
def test_the_largest_wheels_are_alone_until_the_budget_is_used(sizes: Sizes, base_layers: int, budget: int) -> None:
    *own, shared = arranged(sizes, base_layers=base_layers, budget=budget)
    alone = [layer.segments[0].name for layer in own]
    large = [name for name, size in sizes.items() if size >= FLOOR]
    room = min(budget, MAX_LAYERS - base_layers) - 2
    assert all((layer.kind, len(layer.segments), layer.files) == ("wheel", 1, ()) for layer in own)
    assert alone == sorted(alone)
    assert set(alone) <= set(large)
    assert len(alone) == min(len(large), room)
    together = [item.name for item in shared.segments]
    assert max((sizes[name] for name in set(together) & set(large)), default=0) <= min(
        (sizes[name] for name in alone), default=100 * FLOOR
    )
    assert (shared.kind, together, shared.files) == ("wheels", sorted(together), SKELETON)


@given(sizes_of)
def test_a_layer_of_one_wheel_does_not_depend_on_the_others(sizes: Sizes) -> None:
    for layer in arranged(sizes)[:-1]:
        name = layer.segments[0].name
        assert arranged({name: sizes[name]})[0] == layer


def test_the_reason_of_each_layer_is_told() -> None:
    layers = arranged({"numpy": 2 * FLOOR, "six": 10, "torch": 9 * FLOOR})
    assert [(layer.kind, layer.distributions, layer.why) for layer in layers] == [
        ("wheel", ("numpy 1.0",), "numpy is large, and the same layer in every image that has it"),
        ("wheel", ("torch 1.0",), "torch is large, and the same layer in every image that has it"),
        ("wheels", ("six 1.0",), "distributions too small for a layer each"),
    ]
    assert arranged({})[0].why == "the virtual environment itself"


def test_of_equally_large_wheels_the_first_by_name_are_alone() -> None:
    layers = arranged({"c": FLOOR, "a": FLOOR, "b": FLOOR}, budget=4)
    assert told_layers(layers) == [("wheel", ("a",)), ("wheel", ("b",)), ("wheels", ("c",))]


def test_a_base_with_many_layers_leaves_room_for_two() -> None:
    sizes = {"a": FLOOR, "b": FLOOR}
    assert told_layers(arranged(sizes, base_layers=124)) == [("wheel", ("a",)), ("wheels", ("b",))]
    assert told_layers(arranged(sizes, base_layers=125)) == [("wheels", ("a", "b"))]


def test_a_base_with_too_many_layers_is_refused() -> None:
    with pytest.raises(TargetError) as caught:
        arranged({}, base_layers=126)
    assert told(caught.value) == (
        TargetError,
        "the base has 126 layers",
        ("an image has at most 127, and the project needs 2 of its own",),
        ("Choose another one with `--base`",),
    )


@pytest.mark.parametrize("path", [file.path for file in SKELETON])
def test_a_distribution_cannot_bring_the_environments_own_files(path: str) -> None:
    evil = segment("evil", path)
    with pytest.raises(HostileInputError) as caught:
        arrange([evil], compressed={"evil": 1}, skeleton=SKELETON, base_layers=1)
    assert told(caught.value) == (
        HostileInputError,
        "refusing `evil-1.0-py3-none-any.whl`",
        (f"it has `/{path}`, which belongs to the environment itself",),
        (),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_cannot_be_where_another_distribution_has_a_directory(order: int) -> None:
    both = [segment("a", f"{SITE}/shared"), segment("b", f"{SITE}/shared/x.py", f"{SITE}/shared/deep/y.py")][::order]
    with pytest.raises(ProjectError) as caught:
        arrange(both, compressed={"a": 1, "b": 1}, skeleton=SKELETON, base_layers=1)
    assert told(caught.value) == (
        ProjectError,
        "`b` cannot be installed",
        (f"`/{SITE}/shared` is a file of `a`, and `/{SITE}/shared/deep/y.py` would be below it",),
        (),
    )


def test_a_file_cannot_be_below_the_environments_interpreter() -> None:
    below = segment("evil", "opt/venv/bin/python/evil")
    with pytest.raises(ProjectError) as caught:
        arrange([below], compressed={"evil": 1}, skeleton=SKELETON, base_layers=1)
    assert caught.value.causes == (
        "`/opt/venv/bin/python` is a file of the environment itself, and `/opt/venv/bin/python/evil` would be below it",
    )


def test_layers_know_their_size_and_their_directories() -> None:
    layer = PlannedLayer(
        kind="project",
        why="x",
        segments=(segment("a"),),
        files=(PlannedFile("app/main.py", 0o644, 5, b"hello"),),
        directories=("app/data", "srv"),
    )
    assert layer.unpacked == 7
    assert layer.all_directories() == [
        "app",
        "app/data",
        "opt",
        "opt/venv",
        "opt/venv/lib",
        "opt/venv/lib/python3.13",
        SITE,
        f"{SITE}/a",
        f"{SITE}/a-1.0.dist-info",
        "srv",
    ]


paths = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4).map("/".join)


@given(st.sets(paths, max_size=8), st.sets(paths, max_size=3))
def test_parents_stand_before_their_children(files: set[str], directories: set[str]) -> None:
    layer = PlannedLayer(
        kind="project",
        why="x",
        files=tuple(PlannedFile(path, 0o644, 0, b"") for path in sorted(files)),
        directories=tuple(sorted(directories)),
    )
    found = layer.all_directories()
    assert len(found) == len(set(found))
    for place, path in enumerate(found):
        assert path.rpartition("/")[0] in {"", *found[:place]}
    for path in files:
        assert path.rpartition("/")[0] in {"", *found}
    assert directories <= set(found)
