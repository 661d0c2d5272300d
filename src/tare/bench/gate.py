"""Gates of a CI: fails when something is surely slower than was allowed, and never for noise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from tare.bench.analysis import Key, Rounds, analyse, checked, paired_values
from tare.bench.result import Results
from tare.bench.statistics import Comparison, compare_apart, log_ratios
from tare.errors import UsageError


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What `--fail-on` says."""

    workload: str
    ratio: float
    """The largest ratio that is allowed."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One case of one candidate: against its baseline, or against an older run."""

    workload: str
    case: str
    candidate: str
    comparison: Comparison


def parse_limit(text: str) -> Limit:
    """Read `cpu>1.05`."""
    match = re.fullmatch(r"\s*([\w-]+)\s*>\s*(\d+(?:\.\d+)?)\s*", text)
    if match is None:
        raise UsageError(f"`--fail-on {text}` is not understood", hints=("Write it as `--fail-on 'cpu>1.05'`",))
    return Limit(workload=match[1], ratio=float(match[2]))


def within(results: Results) -> Iterator[Change]:
    """Yield how the candidates of one run differ from its baseline."""
    names = _shown(results)
    for cell in analyse(results).cells:
        if cell.comparison is not None and cell.candidate in names:
            yield Change(workload=cell.workload, case=cell.case, candidate=cell.candidate, comparison=cell.comparison)


def between(old: Results, new: Results) -> Iterator[Change]:
    """Yield how a newer run differs from an older one of the same work."""
    if old.run.plan.compat != new.run.plan.compat:
        raise UsageError(
            "the two runs did different work",
            causes=(f"one is of {old.run.plan.compat[:16]}, the other of {new.run.plan.compat[:16]}",),
            hints=("Measure both with the same tare, profile and workloads",),
        )
    if old.run.plan.baseline != new.run.plan.baseline:
        raise UsageError(
            "the two runs have different baselines",
            causes=(f"`{old.run.plan.baseline}` and `{new.run.plan.baseline}`",),
            hints=("Measure with `--baseline`",),
        )
    before = _relative(paired_values(checked(old)), old.run.plan.baseline, _shown(old))
    after = _relative(paired_values(checked(new)), new.run.plan.baseline, _shown(new))
    for key, ratios in after.items():
        if key in before:
            comparison = compare_apart(ratios, before[key])
            yield Change(workload=key[0], case=key[1], candidate=key[2], comparison=comparison)


def failures(changes: Iterable[Change], limits: Iterable[Limit]) -> list[Change]:
    """Return the changes whose whole interval is beyond a limit."""
    allowed = {each.workload: each.ratio for each in limits}
    return [each for each in changes if each.comparison.low > allowed.get(each.workload, float("inf"))]


def _relative(values: Mapping[Key, Rounds], baseline: str, names: set[str]) -> dict[Key, list[float]]:
    found = {}
    for (workload, case, candidate), rounds in values.items():
        if candidate in names and candidate != baseline:
            found[workload, case, candidate] = log_ratios(rounds, values.get((workload, case, baseline), {}))
    return found


def _shown(results: Results) -> set[str]:
    return {each.name for each in results.run.candidates if each.control is None}
