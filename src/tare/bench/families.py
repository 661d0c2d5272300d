"""All cases of a workload taken together, and which candidates nothing beats in size and in time. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from tare.bench.statistics import Comparison, compare, geometric_mean, log_ratios, noise, pareto

Key = tuple[str, str, str]
"""Workload, case, candidate."""
Rounds = dict[object, float]

LEADING: Final = ("cpu", "frames", "service", "io", "start")
"""Whose time stands beside the size, if several were measured: what most images are there for comes first."""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """All cases of a workload taken together, for one candidate: of one kind only, never across kinds."""

    workload: str
    candidate: str
    ratio: float
    """Geometric mean of the ratios of its cases."""
    cases: int
    faster: int
    slower: int
    undecided: int
    comparison: Comparison | None = None
    """Of the geometric means, round by round: how sure the whole is. None if no round has every case."""

    @property
    def mixed(self) -> bool:
        """Tell whether some cases are faster and others slower, of which no mean says anything."""
        return bool(self.faster and self.slower)


def family(workload: str, candidate: str, cases: Sequence[Comparison], whole: Comparison | None) -> Family:
    """Return what *cases* are together, of which *whole* is the comparison of their means."""
    verdicts = Counter(each.verdict for each in cases)
    return Family(
        workload=workload,
        candidate=candidate,
        ratio=geometric_mean(each.ratio for each in cases),
        cases=len(cases),
        faster=verdicts["faster"],
        slower=verdicts["slower"],
        undecided=verdicts["undecided"],
        comparison=whole,
    )


def taken_together(
    candidate: Sequence[Rounds], baseline: Sequence[Rounds], *, control: Sequence[tuple[Rounds, Rounds]], eased: float
) -> Comparison | None:
    """Return how the geometric mean over cases differs, given those of a *control* and of what it is the control of.

    Each sequence has one entry for each case. Only rounds count that have them all, so that every mean is of the same.
    """
    values = _means([log_ratios_by_round(one, other) for one, other in zip(candidate, baseline, strict=True)])
    floor = noise(_means([log_ratios_by_round(one, other) for one, other in control])) if control else 0.0
    return compare(values, floor=floor * eased) if values else None


def log_ratios_by_round(subject: Rounds, baseline: Rounds) -> dict[object, float]:
    """Return the logarithm of the ratio of each round that both have."""
    pairs = ((key, log_ratios({key: subject[key]}, baseline)) for key in subject)
    return {key: found[0] for key, found in pairs if found}


def _means(cases: Sequence[Mapping[object, float]]) -> list[float]:
    common = set(cases[0]).intersection(*cases[1:]) if cases else set()
    return [statistics.fmean(each[key] for each in cases) for key in sorted(common, key=repr)]


def leading(families: Iterable[Family]) -> str | None:
    """Return the workload whose time stands beside the size."""
    measured = {each.workload for each in families}
    return next((name for name in LEADING if name in measured), None)


def front(sizes: Mapping[str, int], families: Iterable[Family], *, workload: str, baseline: str) -> set[str]:
    """Return the candidates that no other beats in *sizes* and in the time of *workload*.

    A time that is not surely another one counts as the baseline's, or noise would decide which image is on the front.
    """
    times = {baseline: 1.0}
    for each in families:
        if each.workload == workload:
            sure = each.comparison is not None and each.comparison.verdict in {"faster", "slower"}
            times[each.candidate] = each.ratio if sure else 1.0
    points = {name: (float(size), times[name]) for name, size in sizes.items() if name in times}
    return pareto(points) if len(points) > 1 else set()


def unsure(families: Iterable[Family], workload: str | None) -> list[str]:
    """Return the candidates whose time of *workload* counts as the baseline's because nothing better is known of it."""
    return [
        each.candidate
        for each in families
        if each.workload == workload and (each.comparison is None or each.comparison.verdict == "undecided")
    ]
