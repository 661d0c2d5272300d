"""A comparison says which image it is at, and how long the others will take."""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

import pytest
from command import Place, locked

from tare.bench.comparison import Candidate
from tare.flow.compare.comparing import Wanted, compare
from tare.flow.world import Reporter, World
from tare.stores.cache import Cache


class Noting(Reporter):
    """Keeps what is said of steps that a person waits for."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, name: str) -> None:
        if name.startswith("image "):
            self.said.append(name)


def compared(place: Place, scratch: Path) -> Candidate:
    """Return what came of the project, built three times by tare on the place's base."""
    world = World(
        environment={**place.environment, "PYTHONPATH": place.source}, python=sys.executable, cache=Cache(place.cache),
        now=time.time, reporter=Reporter(), root=place.root,
    )  # fmt: skip
    wanted = Wanted(
        project=str(place.app), bases=(place.base(),), builders=("tare",), dockerfile=None, platform="linux/amd64",
        rounds=1, changes=("cold", "dependency", "line"), machine="", command="",
    )  # fmt: skip
    [found] = compare(world, wanted, None, scratch).candidates
    return found


@pytest.mark.parametrize("lock", ["requirements.txt", "Pipfile.lock"])
def test_no_comparison_builds_what_an_engine_has_from_an_earlier_one(place: Place, tmp_path: Path, lock: str) -> None:
    """Otherwise a dependency more would take no time but the first time."""
    place.write({"main.py": "print(1)\n", lock: EMPTY[lock]})
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found = compared(place, tmp_path / name)
        assert found.status == "ok", found.why
        copy = tmp_path / name / "0" / "project"
        runs.append(((copy / lock).read_text(), (copy / "main.py").read_text()))

    assert len({lockfile for lockfile, _ in runs}) == len({module for _, module in runs}) == 2


def test_what_was_built_before_a_change_that_cannot_be_made_is_kept(place: Place, tmp_path: Path) -> None:
    place.write({"requirements.txt": locked([place.wheels.add("sample")])})
    found = compared(place, tmp_path)

    assert (found.status, found.why) == ("failed", "no line can be changed: `project` has no Python file of its own")
    assert [each.change for each in found.builds] == ["cold", "dependency"]


EMPTY = {
    "requirements.txt": "# nothing\n",
    "Pipfile.lock": '{"_meta": {"hash": {"sha256": "x"}, "pipfile-spec": 6, "requires": {}, "sources": []}, "default": {}, "develop": {}}',
}


def test_the_images_are_counted_and_the_remaining_time_is_that_of_those_before(place: Place, tmp_path: Path) -> None:
    """With a clock that moves on by ten seconds whenever it is asked."""
    place.write({"main.py": "import sample\n", "requirements.txt": locked([place.wheels.add("sample")])})
    reporter, clock = Noting(), itertools.count(0, 10)
    world = World(
        environment={**place.environment, "PYTHONPATH": place.source}, python=sys.executable, cache=Cache(place.cache),
        now=lambda: float(next(clock)), reporter=reporter, root=place.root,
    )  # fmt: skip
    base = place.base()
    wanted = Wanted(
        project=str(place.app), bases=(base, "oci:nowhere"), builders=("tare",), dockerfile=None,
        platform="linux/amd64", rounds=1, changes=("cold",), machine="", command="",
    )  # fmt: skip
    found = compare(world, wanted, None, tmp_path)

    assert [each.status for each in found.candidates] == ["ok", "failed"]
    assert reporter.said[0] == f"image 1 of 2: {base}, tare: build from nothing"
    assert reporter.said[1].startswith("image 2 of 2, about ")
    assert reporter.said[1].endswith(" left: oci:nowhere, tare: build from nothing")
