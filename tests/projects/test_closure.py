"""Walking the graph of a lock, and the markers on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from targets import target

from tare.errors import TargetError
from tare.projects import markers
from tare.projects.locks import closure
from tare.projects.locks.closure import Edge, Release, reached

LINUX, OLD = 'sys_platform == "linux"', 'python_version < "3.12"'


def names(roots: list[Edge], releases: list[Release]) -> dict[str, str | None]:
    return {
        f"{releases[index].name} {releases[index].version}": marker
        for index, marker in reached(roots, releases).items()
    }


def release(name: str, *needs: str, version: str = "1") -> Release:
    return Release(name=name, version=version, needs=tuple(Edge(name=need) for need in needs))


def test_only_what_is_reached_is_needed() -> None:
    releases = [release("a", "b"), release("b"), release("c", "b")]

    assert names([Edge(name="a")], releases) == {"a 1": None, "b 1": None}


def test_markers_on_a_way_all_hold_and_of_several_ways_one_does() -> None:
    releases = [
        Release(name="a", version="1", needs=(Edge(name="c", marker=OLD),)),
        Release(name="b", version="1", needs=(Edge(name="c"),)),
        release("c"),
    ]

    found = names([Edge(name="a", marker=LINUX), Edge(name="b", marker='os_name == "nt"')], releases)

    assert found == {
        "a 1": LINUX,
        "b 1": 'os_name == "nt"',
        "c 1": f'(os_name == "nt") or (({OLD}) and ({LINUX}))',
    }


def test_a_way_without_a_condition_makes_the_others_needless() -> None:
    releases = [release("a", "b"), release("b")]

    assert names([Edge(name="b", marker=LINUX), Edge(name="a")], releases) == {"a 1": None, "b 1": None}


def test_a_cycle_ends() -> None:
    releases = [release("a", "b"), release("b", "a")]

    assert names([Edge(name="a", marker=LINUX)], releases) == {"a 1": LINUX, "b 1": LINUX}


def test_of_several_versions_the_one_that_is_meant_is_needed() -> None:
    releases = [release("a", version="1"), release("a", version="2")]
    roots = [Edge(name="a", accepts=lambda version: version == "2", marker=LINUX)]

    assert names(roots, releases) == {"a 2": LINUX}


def test_a_version_that_nobody_means_is_better_than_none() -> None:
    assert names([Edge(name="a", accepts=lambda _: False)], [release("a")]) == {"a 1": None}


def test_extras_need_more() -> None:
    releases = [
        Release(name="a", version="1", needs=(Edge(name="b"),), extras={"x": (Edge(name="c"),), "y": (Edge(name="d"),)}),
        release("b"), release("c"), release("d"),
    ]  # fmt: skip
    roots = [Edge(name="a"), Edge(name="a", extras=frozenset({"x"}), marker=LINUX)]

    assert names(roots, releases) == {"a 1": None, "b 1": None, "c 1": LINUX}


def test_too_many_ways_become_everywhere() -> None:
    many = [Edge(name="a", marker=f'platform_release == "{number}"') for number in range(closure._MOST_WAYS + 1)]

    assert names(many, [release("a")]) == {"a 1": None}


ATOMS = st.sampled_from(['os_name == "a"', 'os_name == "b"', 'sys_platform == "c"', None])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), ATOMS), max_size=12))
def test_the_marker_of_a_release_holds_exactly_where_a_way_leads_to_it(
    edges: list[tuple[int, int, str | None]],
) -> None:
    releases = [
        Release(
            name=str(number),
            version="1",
            needs=tuple(Edge(name=str(to), marker=marker) for start, to, marker in edges if start == number),
        )
        for number in range(5)
    ]
    found = reached([Edge(name="0")], releases)
    for os_name in ("a", "b"):
        for platform in ("c", "d"):
            environment = {"os_name": os_name, "sys_platform": platform}
            there = {0}
            while True:
                more = {
                    to for start, to, marker in edges if start in there and (marker is None or Marker(marker).evaluate(environment))
                } - there  # fmt: skip
                if not more:
                    break
                there |= more
            assert there == {
                index for index, marker in found.items() if marker is None or Marker(marker).evaluate(environment)
            }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('extra == "pg"', '"pg" in extras'),
        ("extra=='pg' and os_name == 'nt'", "'pg' in extras and os_name == 'nt'"),
        ('extra != "pg"', '"pg" not in extras'),
        ('os_name == "extra"', 'os_name == "extra"'),
    ],
)
def test_a_marker_of_a_requirement_becomes_one_of_a_lock(text: str, expected: str) -> None:
    assert markers.in_lock(text) == expected


@pytest.mark.parametrize(
    ("marker", "extra", "holds"),
    [
        ('extra == "a"', "a", True),
        ('extra == "a"', "b", False),
        ('extra == "a"', None, False),
        ('extra != "a"', None, True),
        ('extra == "a" or os_name == "posix"', None, True),
        ('(extra == "a") and os_name == "nt"', "a", False),
    ],
)
def test_a_marker_is_told_which_extra_of_its_distribution_is_asked_for(
    marker: str, extra: str | None, holds: bool  # noqa: FBT001
) -> None:  # fmt: skip
    assert Marker(markers.with_extra(marker, extra)).evaluate({"os_name": "posix"}) == holds


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ('python_version < "3.13"', 'python_full_version < "3.13"', True),
        ('os_name == "nt" and python_version > "3.8"', 'python_version > "3.8" and os_name == "nt"', True),
        ('python_version < "3.13"', 'python_version < "3.12"', False),
        ('extra == "a"', None, False),
        ('sys_platform == "linux"', 'platform_system == "Linux"', True),
        ('platform_machine == "aarch64"', 'platform_machine == "x86_64"', False),
    ],
)
def test_markers_are_the_same_when_they_agree_everywhere(first: str, second: str | None, equal: bool) -> None:  # noqa: FBT001
    assert markers.same(Marker(first), Marker(second) if second else None, ("a",)) == equal


@pytest.mark.parametrize(
    ("marker", "possible"),
    [
        ('sys_platform == "win32"', False),
        ('python_version < "3.13"', False),
        ('python_full_version < "3.13.3"', True),
        ('platform_machine == "riscv64"', True),
        ('implementation_name == "pypy"', False),
        ('"a" in extras', False),
        ('"x" in extras', True),
        ('"x" not in extras', False),
        ('"g" in dependency_groups and os_name == "posix"', True),
    ],
)
def test_a_marker_is_possible_when_some_linux_with_what_is_asked_for_meets_it(marker: str, possible: bool) -> None:  # noqa: FBT001
    assert markers.possible(Marker(marker), "3.13", extras=("x",), groups=("g",)) == possible


def test_markers_are_joined_as_text() -> None:
    assert markers.both(None, "a", "a", "b") == "(a) and (b)"
    assert markers.both(None, None) is None
    assert markers.either(["a", "b"]) == "(a) or (b)"
    assert markers.either(["a", None]) is None
    assert markers.chosen(extras=("x",), groups=("y",)) == '("x" in extras) or ("y" in dependency_groups)'


@pytest.mark.parametrize(
    "architecture", ["amd64", "arm64", "arm/v5", "arm/v6", "arm/v7", "386", "ppc64le", "s390x", "riscv64", "loong64"]
)
def test_what_is_needed_on_the_machine_of_a_target_alone_is_possible(architecture: str) -> None:
    """What is not possible is not in the lock, and so it would be missing from the image."""
    machine = target(architecture=f"linux/{architecture}").machine

    assert markers.possible(Marker(f'platform_machine == "{machine}"'), "3.13")


def test_every_machine_of_a_target_was_tried() -> None:
    with pytest.raises(TargetError) as caught:
        _ = target(architecture="linux/mips").machine
    assert caught.value.causes == (
        "the architectures that wheels have tags for are "
        + ", ".join(
            f"`linux/{name}`" for name in ("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "loong64")
        ),
    )
