"""`tare choose --accuracy`, whole: what was estimated of past builds, and what they took."""

from __future__ import annotations

import json

import pytest
from command import Place, Ran, locked
from schemas import faults, published

from tare.flow.build.estimate import Build
from tare.report.accuracy import accuracy_json, accuracy_text

NOON = 1795521600.0


def past(seconds: float, predicted: tuple[float, float, float] | None, **values: object) -> Build:
    known = {
        "at": NOON - 7_300, "project": "science", "base": "deb:trixie", "fetched": 52_700_000, "hashed": 234_200_000,
        "sources": 0, "fetching": 1.0, "writing": 2.0, "building": 0.0, "seconds": seconds, "predicted": predicted,
    }  # fmt: skip
    return Build(**{**known, **values})  # type: ignore[arg-type]  # its own fields


def test_before_the_first_build_there_is_nothing_to_compare(place: Place) -> None:
    assert place("choose", "--accuracy") == Ran(
        0, "No build was recorded on this machine yet; the first one has no estimate, the second one has.\n", ""
    )
    document = json.loads(place("choose", "--accuracy", "--json").out)
    assert document == {
        "schema": "tare.choose-accuracy/1", "builds": [], "compared": 0, "within": 0, "speeds": None, "interval": None,
    }  # fmt: skip


def test_every_build_is_compared_with_what_was_estimated_of_it(place: Place) -> None:
    for name in ("first", "second"):
        place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add(name)])})
        assert place.build().code == 0

    document = json.loads(place("choose", "--accuracy", "--json").out)

    assert faults(published("tare.choose-accuracy.1"), document) == []
    first, second = document["builds"]
    assert (first["predicted"], first["within"], document["compared"]) == (None, None, 1)
    assert second["predicted"][1] <= second["predicted"][0] <= second["predicted"][2]
    assert document["interval"]["calibrated"] is False


def test_the_estimate_of_the_next_build_is_in_the_answer(place: Place) -> None:
    place.write({"main.py": "print(1)\n", "requirements.txt": locked([place.wheels.add("first")])})
    unknown = place.document("choose", *place.target)["candidates"][0]["work"]["seconds"]
    place.build()

    about, low, high = place.document("choose", *place.target)["candidates"][0]["work"]["seconds"]

    assert unknown is None
    assert low <= about <= high


def test_a_person_reads_estimate_interval_and_time() -> None:
    builds = [
        past(3.9, None),
        past(4.5, (3.9, 1.3, 11.7)),
        past(14.0, (4.1, 1.4, 12.3), project="", base="deb:" + "x" * 40),
    ]

    assert accuracy_text(builds, now=NOON) == (
        "when         project  base                                fetched    hashed  estimate        interval    took\n"
        "2 hours ago  science  deb:trixie                          52.7 MB  234.2 MB         –               –   3.9 s\n"
        "2 hours ago  science  deb:trixie                          52.7 MB  234.2 MB     3.9 s  1.3 s – 11.7 s   4.5 s\n"
        "2 hours ago  –        …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  52.7 MB  234.2 MB     4.1 s  1.4 s – 12.3 s  14.0 s  longer\n"
        "\n"
        "1 of 2 estimates had the time in their interval.\n"
        "The next interval reaches from 0.33 to 3.00 times the estimate (assumed until five builds can be compared).\n"
    )


def test_enough_builds_make_the_interval() -> None:
    builds = [past(4.0, (4.0 / ratio, 1.0, 9.0)) for ratio in (0.5, 0.9, 1.0, 1.1, 1.5)]

    document = json.loads(accuracy_json(builds))

    assert faults(published("tare.choose-accuracy.1"), document) == []
    assert document["interval"] == {
        "low": pytest.approx(0.5), "high": pytest.approx(1.5), "less": 0.0, "more": 0.0, "calibrated": True,
    }  # fmt: skip
    assert accuracy_text(builds, now=NOON).splitlines()[-1] == (
        "The next interval reaches from 0.50 to 1.50 times the estimate (measured here)."
    )
