"""The workloads that tare has, by profile: which programs, and the cases that each reports."""

from __future__ import annotations

from typing import Final

from tare.bench.places import Job, Place
from tare.bench.profiles import Profile
from tare.bench.workload import Measured, Program, ProgramWorkload, Workload, failure

NAMES: Final = ("size", "build", "start", "io", "cpu")

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
    """Return the CPU-bound workload."""
    programs = [Program(command=("work_python.py", str(profile.scale)), cases=PYTHON_CASES, timeout=900)]
    return ProgramWorkload(name="cpu", programs=tuple(programs))
