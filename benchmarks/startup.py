"""What a command costs before and beside its work: start-up, nothing to do, and one changed line."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from fixture import Tare, spawn
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

    def build() -> float:
        return tare.run("build", str(project), "-o", f"oci:{layout}").seconds

    def change() -> float:
        with source.open("a", encoding="utf-8") as file:
            file.write(f"# {source.stat().st_size}\n")
        return build()

    def again() -> float:
        """Build what the last change left: the first build after a change is another case's."""
        build()
        return build()

    def bare() -> float:
        return spawn([sys.executable, "-c", "pass"], variables).seconds

    build()
    cases = {
        BARE: bare,
        BARE_AGAIN: bare,
        VERSION: lambda: tare.run("--version").seconds,
        NOTHING: again,
        AGAIN: again,
        LINE: change,
    }
    found = interleave(cases, rounds=rounds, seconds=budget)
    section.raw.update(found.figures)
    goals = {VERSION: 0.06, NOTHING: 0.1}
    for name in (BARE, VERSION, NOTHING, LINE):
        goal = goals.get(name)
        took = found.median(name)
        figure = f"**{seconds(took)}** (least {seconds(found.least(name))}, median of {found.count(name)})"
        times = f", {found.ratio(name, BARE).median:.1f}× a bare interpreter" if name != BARE else ""
        section.add(name, figure + times, f"≤ {seconds(goal)}" if goal else "", None if goal is None else took <= goal)
    section.noise(found.ratio(BARE_AGAIN, BARE))
    section.noise(found.ratio(AGAIN, NOTHING))
    return section
