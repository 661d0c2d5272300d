"""How long a build will take follows from past ones, and is compared with what it then took."""

from __future__ import annotations

import pytest
from worlds import MakeWorld

from tare.flow.build import estimate
from tare.flow.build.estimate import Build, records, speeds
from tare.plan.choice.candidate import Work


def past(**values: object) -> Build:
    known = {
        "at": 0.0, "project": "p", "base": "deb:trixie", "fetched": 100, "hashed": 1_000, "sources": 0, "fetching": 1.0,
        "writing": 2.0, "building": 0.0, "seconds": 4.0,
    }  # fmt: skip
    return Build(**{**known, **values})  # type: ignore[arg-type]  # its own fields


def test_nothing_is_estimated_before_anything_was_built() -> None:
    assert estimate.estimate(speeds([]), Work(fetch=1, hash=1)) is None


def test_twice_the_work_is_twice_the_time_but_for_what_is_always_there() -> None:
    found = estimate.estimate(speeds([past(), past()]), Work(fetch=200, hash=2_000))

    assert found == (7.0, 2.333, 21.0)


def test_what_was_never_measured_is_unknown() -> None:
    known = speeds([past()])

    assert estimate.estimate(known, Work(fetch=1, hash=1, sources=("a",))) is None
    assert estimate.estimate(known, Work(fetch=1, hash=1, sources=("a",), native=("a",))) is None
    assert estimate.estimate(speeds([past(fetched=0, fetching=0.0)]), Work(fetch=1, hash=1)) is None


def test_a_source_takes_what_sources_took() -> None:
    found = estimate.estimate(
        speeds([past(sources=2, building=6.0, seconds=9.0)]), Work(fetch=0, hash=0, sources=("a",))
    )

    assert found is not None
    assert found[0] == pytest.approx(3.0)


def test_the_interval_is_how_far_estimates_were_off() -> None:
    off = [past(predicted=(4.0 / ratio, 1.0, 9.0)) for ratio in (0.5, 0.9, 1.0, 1.1, 1.5)]

    found = speeds(off)

    assert found is not None
    assert (round(found.low, 3), round(found.high, 3)) == (0.5, 1.5)


def test_what_takes_no_time_says_nothing_of_what_does() -> None:
    tiny = [past(seconds=0.04, fetching=0.0, writing=0.0, predicted=(0.01, 0.0, 1.0)) for _ in range(20)]

    found = speeds([*tiny, past()])

    assert found is not None
    assert (found.low, found.high, found.calibrated) == (1 / 3, 3.0, False)


def test_the_rest_of_a_build_may_vary() -> None:
    found = estimate.estimate(speeds([past(), past(), past(seconds=5.0)]), Work(fetch=100, hash=1_000))

    assert found == (4.0, 1.333, 13.0)


def test_builds_are_kept_with_what_would_have_been_said_of_them(make_world: MakeWorld) -> None:
    world = make_world()

    estimate.add(world, past())
    estimate.add(world, past(hashed=2_000))

    first, second = records(world).builds
    assert (first.predicted, second.predicted) == (None, (6.0, 2.0, 18.0))
