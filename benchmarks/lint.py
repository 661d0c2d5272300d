"""What `tare lint` takes for a file, start included: alone, and with the project and its lock beside it."""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path

from fixture import Finished, Tare, spawn
from harness import interleave
from machine import environment
from peers import SCIENCE
from results import Section, seconds

ABOUT = """\
`tare lint --no-hadolint FILE`, the whole process: hadolint is a program of its own, and its time is not ours. The file is the one
that `tare dockerfile` writes for `examples/science`; *alone* it lies in a directory without a project, *beside its project* the
rules also read `pyproject.toml`, the lock and `.dockerignore`."""

BARE, ALONE, AGAIN, BESIDE = "bare interpreter", "a file, alone", "a file, alone, again", "a file, beside its project"
GOAL = 0.15


def measure(tare: Tare, scratch: Path, *, rounds: int, budget: float) -> Section:
    section = Section(title="Lint", about=ABOUT)
    project, alone = scratch / "linted", scratch / "alone"
    shutil.copytree(SCIENCE, project, ignore=shutil.ignore_patterns("Dockerfile", ".dockerignore"))
    tare.run("dockerfile", str(project), "--base", "python:3.13-slim-trixie", "--offline")
    alone.mkdir()
    (alone / ".git").mkdir()  # where the search for a project ends
    shutil.copy(project / "Dockerfile", alone)
    processor: dict[str, list[float]] = {}

    def kept(name: str, done: Finished) -> float:
        processor.setdefault(name, []).append(done.cpu)
        return done.seconds

    def lint(name: str, place: Path) -> float:
        return kept(name, tare.run("lint", "--no-hadolint", str(place / "Dockerfile")))

    cases = {
        BARE: lambda: kept(BARE, spawn([sys.executable, "-c", "pass"], environment(tare.cache))),
        ALONE: lambda: lint(ALONE, alone),
        AGAIN: lambda: lint(AGAIN, alone),
        BESIDE: lambda: lint(BESIDE, project),
    }
    interleave(cases, rounds=1, seconds=budget)  # memos of the project, and bytecode
    processor.clear()
    found = interleave(cases, rounds=rounds, seconds=budget)
    section.raw.update(found.figures)
    section.raw.update({f"{name}, processor": values for name, values in processor.items()})
    for name in (BARE, ALONE, BESIDE):
        took, cpu = found.median(name), statistics.median(processor[name])
        least, times = seconds(found.least(name)), found.ratio(name, BARE).median
        figure = f"**{seconds(took)}** (least {least}, processor {seconds(cpu)}, median of {found.count(name)})"
        if name == BARE:
            section.add(name, figure)
        else:
            section.add(name, f"{figure}, {times:.1f}× a bare interpreter", f"≤ {seconds(GOAL)}", met=took <= GOAL)
    section.noise(found.ratio(AGAIN, ALONE))
    return section
