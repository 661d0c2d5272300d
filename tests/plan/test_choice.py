"""Which base is taken, by what, and with which reasons."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from make.errors import told

from tare.errors import UsageError
from tare.oci.platform import Platform
from tare.plan.choice.candidate import Candidate, Distribution, Sizes, Work
from tare.plan.choice.choice import lone_obstacles, recommended
from tare.plan.choice.gate import failures, limits
from tare.plan.choice.ranking import ranked
from tare.wheels.target import Libc

TODAY = date(2026, 11, 24)
NOON = 1795521600.0
AMD64 = Platform(os="linux", architecture="amd64")
GLIBC = Libc(family="glibc", major=2, minor=41)
MUSL = Libc(family="musl", major=1, minor=2)


def distribution(name: str = "a", kind: str = "wheel", **values: Any) -> Distribution:
    return Distribution(
        **{"name": name, "version": "1.0", "kind": kind, "file": None, "tag": None, "size": 1, "unpacked": 2, **values}
    )


def candidate(base: str, **values: Any) -> Candidate:
    known = {
        "kind": "slim", "platform": AMD64, "python": "3.13.5", "libc": GLIBC, "suitable": True, "pull": 100, "pgo": True,
        "lto": True, "origin": "image", "shell": "/bin/sh", "package_manager": "apt", "distributions": (distribution(),),
    }  # fmt: skip
    return Candidate(**{"base": base, **known, **values})


SLIM = candidate("slim", pull=100)
ALPINE = candidate("alpine", kind="alpine", libc=MUSL, pgo=False, pull=60)
FULL = candidate("full", kind="full", pull=500)
OLD = candidate("old", pull=90, python_eol="2026-10")


@pytest.mark.parametrize(
    ("prefer", "order"),
    [
        ("balanced", ["slim", "full", "old", "alpine"]),
        ("size", ["alpine", "old", "slim", "full"]),
        ("speed", ["old", "slim", "full", "alpine"]),
        ("compatibility", ["slim", "full", "alpine", "old"]),
    ],
)
def test_what_is_preferred_decides_the_order(prefer: Any, order: list[str]) -> None:
    found = ranked([FULL, OLD, ALPINE, SLIM], prefer=prefer, today=TODAY)

    assert [(each.rank, each.base) for each in found] == list(enumerate(order, 1))


def test_what_nothing_beats_is_marked() -> None:
    found = ranked([FULL, OLD, ALPINE, SLIM], prefer="balanced", today=TODAY)

    assert {each.base for each in found if each.pareto} == {"slim", "old", "alpine"}


def test_an_unknown_size_is_never_compared_with_a_known_one() -> None:
    found = ranked([candidate("full", kind="full", pull=10), candidate("slim", pull=None)], prefer="size", today=TODAY)

    assert [each.base for each in found] == ["slim", "full"]


def test_the_recommended_base_suits_every_platform() -> None:
    arm = Platform(os="linux", architecture="arm64")
    found = ranked(
        [SLIM, candidate("slim", platform=arm, suitable=False), FULL, candidate("full", platform=arm)],
        prefer="balanced",
        today=TODAY,
    )

    assert recommended(found) == "full"
    assert recommended([each for each in found if not each.suitable]) is None


def test_each_platform_is_ranked_by_itself() -> None:
    arm = Platform(os="linux", architecture="arm64")
    small = [msgspec.structs.replace(each, platform=arm, pull=(each.pull or 0) // 2) for each in (FULL, SLIM)]

    found = ranked([FULL, SLIM, *small], prefer="size", today=TODAY)

    assert [(str(each.platform), each.base, each.rank, each.pareto) for each in found] == [
        ("linux/amd64", "slim", 1, True),
        ("linux/amd64", "full", 2, False),
        ("linux/arm64", "slim", 1, True),
        ("linux/arm64", "full", 2, False),
    ]
    only = ranked([SLIM, msgspec.structs.replace(SLIM, platform=arm, pull=5)], prefer="size", today=TODAY)
    assert [text for each in only for text in each.reasons if "smallest" in text] == []


def test_a_newer_series_decides_where_packages_are_as_large() -> None:
    old = candidate("python:3.12-slim", python="3.12.1", pull=None, site_packages=Sizes(pull=276, unpacked=1))
    new = candidate("python:3.13-slim", python="3.13.1", pull=None, site_packages=Sizes(pull=277, unpacked=1))

    assert [each.base for each in ranked([old, new], prefer="size", today=TODAY)] == [
        "python:3.13-slim",
        "python:3.12-slim",
    ]


def test_reasons_are_few_and_plain() -> None:
    alpine = candidate(
        "alpine", kind="alpine", libc=MUSL, pgo=False, pull=60, site_packages=Sizes(pull=1, unpacked=108),
        python_eol="2027-03", os_eol="2026-10-01",
    )  # fmt: skip
    slim = candidate("slim", site_packages=Sizes(pull=1, unpacked=100))

    first, last = ranked([alpine, slim], prefer="balanced", today=TODAY)

    assert first.reasons == (
        "Its one distribution has a wheel.",
        "Its interpreter is built with profile-guided and link-time optimisation.",
    )
    assert last.reasons == (
        "CPython 3.13 gets security fixes until 2027-03 only.",
        "Its operating system has had no security fixes since 2026-10-01.",
        "Its one distribution has a wheel.",
        "Its interpreter is built without profile-guided optimisation, so pure Python runs slower.",
        "musl gives threads small stacks (1 MiB in the official image, where glibc has 8).",
    )


def test_the_one_distribution_that_stands_in_the_way_is_named() -> None:
    bad = distribution("scikit-learn", "impossible", remedy="1.4.0 has one")
    one = candidate("alpine", suitable=False, distributions=(distribution(), bad))
    two = candidate("other", suitable=False, distributions=(distribution("x", "impossible"), bad))

    assert lone_obstacles([one, two, SLIM]) == (
        "`scikit-learn` 1.0 alone keeps the project from `alpine`; 1.4.0 has one",
    )
    other = msgspec.structs.replace(one, base="alpine3.23")
    assert lone_obstacles([one, other]) == (
        "`scikit-learn` 1.0 alone keeps the project from `alpine`, `alpine3.23`; 1.4.0 has one",
    )
    more = msgspec.structs.replace(one, obstacles=("scikit-learn 1.0 has no wheel.", "It lacks libGL.so.1."))
    assert lone_obstacles([more]) == ()
    elsewhere = msgspec.structs.replace(one, platform=Platform(os="linux", architecture="arm64"))
    assert lone_obstacles([elsewhere, SLIM]) == (
        "`scikit-learn` 1.0 alone keeps the project from `alpine` on linux/arm64; 1.4.0 has one",
    )


@pytest.mark.parametrize(
    ("text", "size"), [("80MB", 80_000_000), ("1.5 GB", 1_500_000_000), ("2MiB", 2_097_152), ("12", 12), ("3kb", 3_000)]
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert limits([], max_pull=text).max_pull == size


@pytest.mark.parametrize("text", ["", "MB", "-3MB", "3 MBit", "1e9"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        limits([], max_pull=text or " ")

    assert told(caught.value)[1:] == (
        f"`--max-pull {text or ' '}` is not a size",
        (),
        ("Write it like `80MB` or `250MiB`",),
    )


def test_a_rule_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        limits(["no-sdist,no-sdists"])

    assert told(caught.value)[1:] == ("`--require` has no rule `no-sdists`", (), ("Did you mean `no-sdist`?",))


@pytest.mark.parametrize(
    ("rule", "values", "failed"),
    [
        ("no-sdist", {}, ()),
        ("no-sdist", {"distributions": (distribution("docopt", "sdist", native=False),)}, ("docopt",)),
        ("no-native", {"distributions": (distribution("docopt", "sdist", native=False),)}, ()),
        ("no-native", {"distributions": (distribution("lxml", "sdist", native=None),)}, ("lxml",)),
        ("wheels", {"distributions": (distribution("lxml", "impossible"), distribution("b", "sdist"))}, ("lxml, b",)),
        ("libraries", {"missing_libraries": ("libGL.so.1",)}, ("libGL.so.1",)),
        ("supported", {"python_eol": "2026-10"}, ("2026-10",)),
        ("supported", {"python_eol": "2026-11"}, ()),
        ("suitable", {"suitable": False, "obstacles": ("It has no Python.",)}, ("It has no Python.",)),
    ],
)
def test_a_gate_says_what_it_found(rule: str, values: dict[str, Any], failed: tuple[str, ...]) -> None:
    found = failures([candidate("slim", work=Work(fetch=0, hash=0), **values)], limits([rule]), now=NOON)

    assert found == tuple(f"{rule}: `slim` (linux/amd64): {why}" for why in failed)


def test_an_unknown_size_fails_a_limit() -> None:
    wanted = limits([], max_pull="1MB", max_unpacked="10MB")

    assert failures([candidate("slim", pull=None, unpacked=10_000_001)], wanted, now=NOON) == (
        "max-pull: `slim` (linux/amd64): unknown; the limit is 1,000,000",
        "max-unpacked: `slim` (linux/amd64): 10,000,001 bytes; the limit is 10,000,000",
    )
    assert failures([candidate("slim", pull=1_000_000, unpacked=1)], wanted, now=NOON) == ()
