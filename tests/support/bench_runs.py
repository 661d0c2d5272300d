"""Results of benchmarks that nobody ran: samples with a known truth, from a simulated machine."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from pathlib import Path

from tare.bench.harness import Bench
from tare.bench.journal import Journal
from tare.bench.places import Job, Outcome, Place, Running
from tare.bench.result import Candidate, Counters, Facts, Machine, Plan, Results, Run, Sample
from tare.bench.schedule import turns
from tare.bench.workload import Measured, Workload

CONTROL = "slim (A/A)"
MACHINE = Machine(name="here", system="Linux", processor="made up", cores=2, memory=8_000_000_000, engine="host")


def head(*names: str, baseline: str = "slim", compat: str = "c" * 64, facts: Facts | None = None) -> Run:
    return Run(
        tare="0",
        plan=Plan(
            profile="smoke", workloads=("cpu",), rounds=10, seed=108, baseline=baseline, rows=100_000, engine="host",
            database="sqlite", compat=compat,
        ),
        candidates=(
            *(Candidate(name=name, reference=name, facts=facts) for name in names),
            Candidate(name=CONTROL, reference=baseline, control=baseline, facts=facts),
        ),
        machines={"local": MACHINE},
        command="tare bench run",
    )  # fmt: skip


def simulated(
    effects: Mapping[str, float], *, rounds: int = 10, seed: int = 0, noise: float = 0.02, drift: float = 0.03,
    interleaved: bool = True, block: str = "local", case: str = "loops",
) -> Results:  # fmt: skip
    """Return what a machine would measure that gets slower and faster by itself; `effects` are true log ratios."""
    dice = random.Random(f"{seed}:{block}:{case}")
    run = head(*effects)
    names = [each.name for each in run.candidates]
    walk = [0.0]
    for _ in range(rounds * len(names)):
        walk.append(walk[-1] + dice.gauss(0, drift))
    samples = []
    for place, turn in enumerate(turns(names, ("cpu",), rounds=range(rounds), seed=seed, block=block)):
        # Not interleaved: all rounds of one candidate, then all of the next.
        when = place // len(names) if interleaved else names.index(turn.candidate) * rounds + turn.round
        value = math.exp(effects.get(turn.candidate, 0.0) + walk[when] + dice.gauss(0, noise))
        order = turn.order if interleaved else names.index(turn.candidate)
        samples.append(
            Sample(workload="cpu", case=case, candidate=turn.candidate, round=turn.round, order=order, block=block,
                   value=value, values=(value,), started=float(when))
        )  # fmt: skip
    return Results(run=run, samples=tuple(samples))


class FakePlace(Place):
    """Answers every job in the same way."""

    def __init__(self, code: int = 0, stdout: bytes = b"", stderr: str = "", seconds: float = 1.0) -> None:
        self.outcome = Outcome(code=code, stdout=stdout, stderr=stderr, seconds=seconds, counters=Counters())
        self.jobs: list[Job] = []

    def run(self, job: Job) -> Outcome:
        self.jobs.append(job)
        return self.outcome

    def serve(self, job: Job) -> Running:
        raise AssertionError("a place that only answers jobs serves nothing")


class FakeWorkload(Workload):
    """Measures what it is told, and may stop in the middle of things."""

    def __init__(self, measure: Callable[[str], Measured], name: str = "cpu") -> None:
        self._measure = measure
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        return [self._measure(candidate)]


def bench(directory: Path, workload: Workload, names: tuple[str, ...], said: list[str] | None = None) -> Bench:
    """Return a bench of *names* that writes into *directory*."""
    journal = Journal(directory)
    if not journal.exists:
        journal.begin(head(*names))
    clock = iter(range(1_000_000))
    return Bench(
        places={name: FakePlace() for name in names},
        workloads=(workload,),
        journal=journal,
        seed=108,
        block="local",
        now=lambda: float(next(clock)),
        say=(said if said is not None else []).append,
    )
