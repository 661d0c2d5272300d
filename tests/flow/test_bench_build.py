"""The `build` workload: what is built in which order, and that no turn builds what another has built."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_runs import FakePlace
from command import Place, locked
from worlds import MakeWorld

from tare.bench.comparison import Build, Change
from tare.bench.result import Step
from tare.bench.workload import Measured
from tare.errors import MachineError
from tare.flow.bench.build import BuildWorkload, forget_project
from tare.flow.compare.builders import Builder, Made
from tare.flow.world import Reporter, World
from tare.stores.cache import Cache

NOTE = "the lockfile was touched, and says what it said: only the tool that wrote `pylock.toml` can add to it"


class Recording(Builder):
    """Builds nothing, and remembers what it was asked to build."""

    def __init__(self, name: str, refuses: Change | None = None) -> None:
        self._name, self._refuses = name, refuses
        self.seen: list[tuple[str, Change, str]] = []
        self.closed = 0

    @property
    def name(self) -> str:
        return self._name

    def build(self, project: Path, base: str, change: Change) -> Made:
        self.seen.append((base, change, (project / "main.py").read_text()))
        if change == self._refuses and len(self.seen) > 3:
            raise MachineError("the engine gave up", causes=("no space",))
        steps = (Step(name="plan", kind="resolve", start=0.0, end=0.25), Step(name="idle", kind="base", start=1, end=1))
        return Made(build=Build(change=change, seconds=float(len(self.seen)), steps=steps), image="x")

    def close(self) -> None:
        self.closed += 1


Make = Callable[[dict[str, str], tuple[str, ...], Callable[[str], Recording]], BuildWorkload]


@pytest.fixture
def workload(tmp_path: Path, make_world: MakeWorld) -> Make:
    project = tmp_path / "app"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "1"\n')
    (project / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "a test"\npackages = []\n')
    (project / "main.py").write_text("print(1)\n")

    def make(bases: dict[str, str], names: tuple[str, ...], made: Callable[[str], Recording]) -> BuildWorkload:
        return BuildWorkload(make_world(), project, bases, names, tmp_path / "scratch", make=lambda name, _: made(name))

    return make


def measured(work: BuildWorkload, candidate: str, seed: str) -> list[Measured]:
    return work.measure(candidate, FakePlace(), round_seed=seed)


def test_a_turn_builds_from_nothing_then_with_a_dependency_and_then_with_a_line(workload: Make) -> None:
    builder = Recording("tare")
    work = workload({"slim": "deb:trixie"}, ("tare",), lambda _: builder)

    found = measured(work, "slim", "1")

    # The first three were built for the downloads, and count for nothing.
    assert [(each.case, each.value, each.note, each.extra) for each in found] == [
        ("tare: from nothing", 4.0, None, {"step (resolve): plan": 0.25}),
        ("tare: a dependency more", 5.0, NOTE, {"step (resolve): plan": 0.25}),
        ("tare: a changed line", 6.0, None, {"step (resolve): plan": 0.25}),
    ]
    assert [(base, change) for base, change, _ in builder.seen] == [
        ("deb:trixie", "cold"), ("deb:trixie", "dependency"), ("deb:trixie", "line"),
    ] * 2  # fmt: skip


def test_no_two_turns_build_the_same_files(workload: Make) -> None:
    builder = Recording("tare")
    work = workload({"slim": "deb:trixie", "slim (A/A)": "deb:trixie"}, ("tare",), lambda _: builder)

    for seed in ("1", "2"):
        for candidate in ("slim", "slim (A/A)"):
            measured(work, candidate, seed)

    measurements = [(change, text) for _, change, text in builder.seen if "# downloads\n" not in text]
    assert len(measurements) == 12
    for wanted in ("cold", "line"):
        assert len({text for change, text in measurements if change == wanted}) == 4


def test_a_run_with_the_same_seed_builds_other_files_than_the_one_before(workload: Make) -> None:
    """An engine keeps the layers of both, and would have those of the first one at once."""
    builder = Recording("docker")
    for _ in range(2):
        work = workload({"slim": "python:3.13-slim"}, ("docker",), lambda _: builder)
        measured(work, "slim", "1")
        shutil.rmtree(work._scratch)

    texts = [text for _, change, text in builder.seen if change == "line" and "# downloads\n" not in text]
    assert len(texts) == len(set(texts)) == 2


def test_a_builder_that_cannot_have_the_base_is_unsupported_and_asked_nothing(workload: Make) -> None:
    builder = Recording("docker")
    work = workload({"deb": "deb:trixie", "host": ""}, ("docker",), lambda _: builder)

    notes = {each.note for name in ("deb", "host") for each in measured(work, name, "1")}

    assert builder.seen == []
    assert notes == {
        "`deb:trixie` is no name that a Dockerfile could begin with",
        "an interpreter of this machine is no base to build on",
    }


def test_a_build_that_fails_marks_what_follows_and_keeps_what_was_measured(workload: Make) -> None:
    work = workload({"slim": "python:3.13-slim"}, ("docker",), lambda name: Recording(name, "dependency"))

    found = measured(work, "slim", "1")

    assert [(each.case, each.status, each.value, each.note) for each in found] == [
        ("docker: from nothing", "ok", 4.0, None),
        ("docker: a dependency more", "failed", None, "the engine gave up; no space"),
        ("docker: a changed line", "failed", None, "the engine gave up; no space"),
    ]


def test_every_builder_is_closed_once(workload: Make) -> None:
    made: list[Recording] = []

    def make(name: str) -> Recording:
        made.append(Recording(name))
        return made[-1]

    work = workload({"slim": "python:3.13-slim"}, ("tare", "docker"), make)
    measured(work, "slim", "1")
    measured(work, "slim", "2")
    work.close()

    assert [(each.name, each.closed) for each in made] == [("tare", 1), ("docker", 1)]


def test_tare_itself_builds_anew_in_every_turn(place: Place) -> None:
    """With nothing that plays a part: `tare build` in processes of its own, on a base in a directory."""
    place.write({"main.py": "import sample\n", "requirements.txt": locked([place.wheels.add("sample")])})
    world = World(
        environment={**place.environment, "PYTHONPATH": place.source}, python=sys.executable, cache=Cache(place.cache),
        now=lambda: 0.0, reporter=Reporter(), root=place.root,
    )  # fmt: skip
    scratch = place.root / "scratch"
    with contextlib.closing(BuildWorkload(world, place.app, {"slim": place.base()}, ("tare",), scratch)) as work:
        turns = [measured(work, "slim", seed) for seed in ("1", "2")]

    for found in turns:
        assert [(each.case, each.status) for each in found] == [
            ("tare: from nothing", "ok"), ("tare: a dependency more", "ok"), ("tare: a changed line", "ok"),
        ]  # fmt: skip
        written = ["step (install): write layers" in each.extra for each in found]
        assert written == [True, False, False], (
            "the first build of a turn makes the layers, and the next ones have them"
        )


@pytest.mark.parametrize("kind", ["packages", "assembled", "names"])
def test_what_is_known_of_bases_and_what_was_downloaded_stays(tmp_path: Path, kind: str) -> None:
    blobs, memo = tmp_path / "blobs" / "sha256", tmp_path / "memo"
    for directory in (blobs, memo / "layers", memo / "elf", memo / kind):
        directory.mkdir(parents=True)
    (blobs / "aa").write_bytes(b"layer")
    (blobs / "bb").write_bytes(b"wheel")
    (memo / "layers" / "1").write_text('{"descriptor": {"digest": "sha256:aa"}}')
    (memo / kind / "1").write_text("{}")

    forget_project(tmp_path)

    assert [each.name for each in blobs.iterdir()] == ["bb"]
    assert [each.name for each in memo.iterdir()] == [kind]
