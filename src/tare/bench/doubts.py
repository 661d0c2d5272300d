"""What makes the figures of a run doubtful, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tare.bench.cell import Cell
from tare.bench.result import Results, Sample
from tare.bench.statistics import FEWEST, order_effect


def doubts(results: Results, samples: Sequence[Sample], cells: Sequence[Cell]) -> Iterator[str]:
    """Yield what a reader should know before the figures of *results* are believed."""
    yield from _marked(cells)
    yield from _ordered(samples, cells)
    yield from _throttled(samples)
    yield from _apart(samples, results.run.plan.baseline)
    yield from _skew(results)


def _marked(cells: Sequence[Cell]) -> Iterator[str]:
    wrong = Counter((each.status, each.candidate) for each in cells if each.status not in {"ok", "unsupported"})
    for (status, candidate), count in wrong.items():
        yield f"{count} case{'s' if count > 1 else ''} of {candidate} marked {status}"


def _ordered(samples: Sequence[Sample], cells: Sequence[Cell]) -> Iterator[str]:
    by_order: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    medians = {(each.workload, each.case, each.candidate): each.median for each in cells}
    for each in samples:
        median = medians.get((each.workload, each.case, each.candidate))
        if each.status == "ok" and each.value and median:
            by_order[each.workload][each.order].append(each.value / median)
    for workload, orders in by_order.items():
        if order_effect(orders):
            yield f"order effect in {workload}: what ran later in a round took longer, or less; the machine was not steady"


def _throttled(samples: Sequence[Sample]) -> Iterator[str]:
    """Warn of what the kernel kept from running: its time is that of a limit, and not of the image."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in samples:
        if each.counters.throttled_seconds:
            found[each.candidate].append(each.counters.throttled_seconds)
    for candidate, seconds in found.items():
        yield f"{candidate} was throttled for {sum(seconds):.1f} s in {len(seconds)} sample{'' if len(seconds) == 1 else 's'}"


def _apart(samples: Sequence[Sample], baseline: str) -> Iterator[str]:
    """Warn of candidates that did not run in between the baseline's rounds: whatever drifted looks like a difference."""
    times: dict[tuple[str, str], dict[str, set[float]]] = defaultdict(lambda: defaultdict(set))
    for each in samples:
        times[each.workload, each.block][each.candidate].add(each.started)
    for (workload, _), by_candidate in times.items():
        own = by_candidate.get(baseline, set())
        for candidate, started in by_candidate.items():
            if candidate == baseline or len(started) < FEWEST or len(own) < FEWEST:
                continue
            if sum(min(own) <= each <= max(own) for each in started) < len(started) / 2:
                yield f"order effect in {workload}: {candidate} ran before or after {baseline}, not between its rounds"


def _skew(results: Results) -> Iterator[str]:
    """Warn of interpreters of different versions, whose difference is more than that of any base, and of several engines."""
    found = {each.name: each.facts.python.split(" (")[0] for each in results.run.candidates if each.facts}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{name}: {python}" for name, python in sorted(found.items()))
        yield f"the interpreters' versions differ ({listed}): so do their figures, whatever the image"
    engines = sorted({each.engine for each in results.run.machines.values()})
    if len(engines) > 1:
        yield f"blocks were measured with different engines ({', '.join(engines)}): medians are of both"
