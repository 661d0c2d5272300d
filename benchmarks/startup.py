"""What a command costs before and beside its work: start-up, nothing to do, and one changed line."""

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
Whole processes, from fork to exit, of `examples/science` with everything built before: a bare interpreter
(`python -c pass`), `tare --version`, `tare build -o oci:DIR` with nothing changed, and the same after another line was
appended to its one source file, so that a new last layer and a new image are written. All run with bytecode in place and
the files in memory."""

BARE, BARE_AGAIN, VERSION, NOTHING, AGAIN, LINE = (
    "bare interpreter",
    "bare interpreter, again",
    "`tare --version`",
    "`tare build`, nothing changed",
    "`tare build`, nothing changed, again",
    "`tare build`, one line changed",
)


def measure(tare: Tare, scratch: Path, *, rounds: int, budget: float) -> Section:
    section = Section(title="Start-up", about=ABOUT)
    project, layout = scratch / "science", scratch / "layout"
    shutil.copytree(SCIENCE, project, dirs_exist_ok=True)
    source = project / "parcels.py"
    variables = environment(tare.cache)

    processor: dict[str, list[float]] = {}

    def kept(name: str, done: Finished) -> float:
        processor.setdefault(name, []).append(done.cpu)
        return done.seconds

    def build(name: str = "") -> float:
        return kept(name, tare.run("build", str(project), "-o", f"oci:{layout}"))

    def change() -> float:
        with source.open("a", encoding="utf-8") as file:
            file.write(f"# {source.stat().st_size}\n")
        return build(LINE)

    def again(name: str) -> float:
        """Build what the last change left: the first build after a change is another case's."""
        build()
        return build(name)

    def bare() -> float:
        return kept(BARE, spawn([sys.executable, "-c", "pass"], variables))

    build()
    cases = {
        BARE: bare,
        BARE_AGAIN: bare,
        VERSION: lambda: kept(VERSION, tare.run("--version")),
        NOTHING: lambda: again(NOTHING),
        AGAIN: lambda: again(AGAIN),
        LINE: change,
    }
    found = interleave(cases, rounds=rounds, seconds=budget)
    section.raw.update(found.figures)
    section.raw.update({f"{name}, processor": values for name, values in processor.items() if name})
    goals = {VERSION: 0.06, NOTHING: 0.1}
    for name in (BARE, VERSION, NOTHING, LINE):
        goal = goals.get(name)
        took = found.median(name)
        cpu = seconds(statistics.median(processor[name]))
        figure = (
            f"**{seconds(took)}** (least {seconds(found.least(name))}, processor {cpu}, median of {found.count(name)})"
        )
        times = f", {found.ratio(name, BARE).median:.1f}× a bare interpreter" if name != BARE else ""
        section.add(name, figure + times, f"≤ {seconds(goal)}" if goal else "", None if goal is None else took <= goal)
    section.noise(found.ratio(BARE_AGAIN, BARE))
    section.noise(found.ratio(AGAIN, NOTHING))
    return section
