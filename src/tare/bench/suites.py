"""The workloads that tare has, by profile: which programs, and the cases that each reports."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tare.bench.places import Job, Place
from tare.bench.profiles import Profile
from tare.bench.workload import Measured, Program, ProgramWorkload, Workload, failure

NAMES: Final = ("size", "build", "start", "io", "cpu", "frames", "learning")
PROJECT: Final = Path(__file__).parent / "projects" / "work"
"""What has to be installed for more than the standard library."""
LEARNING: Final = PROJECT.parent / "learning"
"""The same and scikit-learn, which only the optional workload needs."""
APP: Final = PROJECT.parent / "app"
"""What `build` builds when no project is named."""
FRAMES: Final = tuple(
    f"frames: {name}"
    for name in (
        "import", "sum of v1 by id1", "sum of v1 by id1, id2", "sum of v1, mean of v3 by id3", "means by id4",
        "sums by id6", "median, deviation by id4, id5", "range by id3", "largest two by id6", "sort", "join",
        "rolling mean", "write CSV", "read CSV, C parser", "read CSV, pyarrow", "write Parquet", "read Parquet",
        "strings", "histogram", "hexagons", "line, as SVG", "threads that allocate",
    )
)  # fmt: skip
LEARNED: Final = tuple(
    f"learning: {name}"
    for name in (
        "k-means, 3 clusters", "k-means, 5 clusters",
        "random forest, 1 tree", "random forest, 10 trees", "random forest, 100 trees",
    )
)  # fmt: skip
SQLITE: Final = tuple(f"sqlite: {name}" for name in ("load", "points", "range", "aggregate", "count", "fetch"))

PYTHON_CASES: Final = tuple(
    f"python: {name}"
    for name in ("loops", "bodies", "objects", "documents", "patterns", "strings", "memory", "threads")
)
CONTAINER: Final = "container, from nothing to its end"
START_CASES: Final = ("interpreter", "interpreter, isolated", "import the standard library")


class StartWorkload(ProgramWorkload, frozen=True, kw_only=True):
    """Starts: of interpreters, measured inside of one container, and of a container, measured from outside."""

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        found = super().measure(candidate, place, round_seed=round_seed)
        outcome = place.run(Job(command=("-c", "pass"), timeout=120))
        if outcome.code:
            status, note = failure(outcome)
            return [*found, Measured(case=CONTAINER, status=status, note=note)]
        return [*found, Measured(case=CONTAINER, value=outcome.seconds, values=(outcome.seconds,))]


def start(profile: Profile, modules: tuple[str, ...] = ()) -> Workload:
    """Return the workload of starting interpreters and importing *modules*, each a comma-separated list."""
    cases = (*START_CASES, *(f"import {each.replace(',', ', ')}" for each in modules))
    program = Program(command=("work_start.py", str(profile.starts), *modules), cases=cases, timeout=300)
    return StartWorkload(name="start", programs=(program,))


def cpu(profile: Profile) -> Workload:
    """Return the work of the interpreter alone."""
    program = Program(command=("work_python.py", str(profile.scale)), cases=PYTHON_CASES, timeout=900)
    return ProgramWorkload(name="cpu", programs=(program,))


def frames(profile: Profile) -> Workload:
    """Return the work with data frames and figures."""
    command = ("work_frames.py", str(profile.rows), str(profile.chunk))
    return ProgramWorkload(name="frames", programs=(Program(command=command, cases=FRAMES, timeout=7200),))


def learning(profile: Profile) -> Workload:
    """Return the optional work with scikit-learn, for images that have it."""
    command = ("work_learning.py", str(min(profile.rows, 1_000_000)))
    return ProgramWorkload(name="learning", programs=(Program(command=command, cases=LEARNED, timeout=3600),))


def sqlite(profile: Profile) -> Workload:
    """Return the I/O-bound work without a server."""
    program = Program(command=("work_sqlite.py", str(min(profile.rows, 1_000_000))), cases=SQLITE, timeout=1800)
    return ProgramWorkload(name="io", programs=(program,))
