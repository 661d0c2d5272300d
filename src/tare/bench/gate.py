"""Gates of a CI: fail when something is surely slower than was allowed or was not measured, and never for noise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from tare.bench.analysis import analyse
from tare.bench.answers import checked
from tare.bench.cell import Cell
from tare.bench.families import Key, Rounds
from tare.bench.paired import paired_values
from tare.bench.result import Results, Status
from tare.bench.statistics import Comparison, compare, compare_apart, log_ratios
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
    beside: str
    """What it is compared with: the baseline, or of an ablation its own image."""
    comparison: Comparison
    """Of no rounds, if there is nothing that could be compared."""
    status: Status = "ok"
    note: str | None = None
    """Why it has no figures."""


def parse_limit(text: str) -> Limit:
    """Read `cpu>1.05`."""
    match = re.fullmatch(r"\s*([\w-]+)\s*>\s*(\d+(?:\.\d+)?)\s*", text)
    if match is None:
        raise UsageError(f"`--fail-on {text}` is not understood", hints=("Write it as `--fail-on 'cpu>1.05'`",))
    return Limit(workload=match[1], ratio=float(match[2]))


def within(results: Results) -> Iterator[Change]:
    """Yield how the candidates of one run differ from its baseline."""
    for cell in _cells(results):
        yield _change(results, cell, cell.comparison)


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
    for cell in _cells(new):
        key = (cell.workload, cell.case, cell.candidate)
        if cell.status != "ok":
            yield _change(new, cell, None)
        elif after.get(key) and before.get(key):
            yield _change(new, cell, compare_apart(after[key], before[key]))


def failures(changes: Sequence[Change], limits: Iterable[Limit]) -> list[Change]:
    """Return the changes whose whole interval is beyond a limit, and those that have a limit and no figures."""
    allowed = {each.workload: each.ratio for each in limits}
    measured = dict.fromkeys(each.workload for each in changes)
    for workload in allowed:
        if workload not in measured:
            raise UsageError(
                f"`--fail-on` names `{workload}`, of which there is nothing to compare",
                hints=(f"There is {', '.join(measured)}",) if measured else ("Measure two images or more",),
            )
    return [
        each
        for each in changes
        if each.workload in allowed and (not each.comparison.rounds or each.comparison.low > allowed[each.workload])
    ]


def _cells(results: Results) -> Iterator[Cell]:
    """Yield the cells of all candidates that are compared with the baseline, also those that have no figures.

    What one image did for all, such as loading a table once, is not there for the others to be compared with.
    """
    names = _shown(results)
    baseline = results.run.plan.baseline
    found = [each for each in analyse(results).cells if each.candidate in names]
    comparable = {(each.workload, each.case) for each in found if each.candidate == baseline}
    for each in found:
        if each.candidate != baseline and (each.status != "ok" or (each.workload, each.case) in comparable):
            yield each


def _change(results: Results, cell: Cell, comparison: Comparison | None) -> Change:
    return Change(
        workload=cell.workload,
        case=cell.case,
        candidate=cell.candidate,
        beside=next(
            (each.ablation_of for each in results.run.candidates if each.name == cell.candidate and each.ablation_of),
            results.run.plan.baseline,
        ),
        comparison=compare(()) if comparison is None else comparison,
        status=cell.status,
        note=cell.note,
    )


def _relative(values: Mapping[Key, Rounds], baseline: str, names: set[str]) -> dict[Key, list[float]]:
    found = {}
    for (workload, case, candidate), rounds in values.items():
        if candidate in names and candidate != baseline:
            found[workload, case, candidate] = log_ratios(rounds, values.get((workload, case, baseline), {}))
    return found


def _shown(results: Results) -> set[str]:
    return {each.name for each in results.run.candidates if each.control is None}
