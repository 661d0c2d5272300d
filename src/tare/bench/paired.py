"""Figures by round, and how a candidate's differ from the baseline's of the same rounds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tare.bench.families import Key, Rounds, taken_together
from tare.bench.result import Sample
from tare.bench.statistics import FEWEST, Comparison, compare, geometric_mean, log_ratios, noise


def paired_values(samples: Iterable[Sample], *, processor: bool = False) -> dict[Key, Rounds]:
    """Return good figures by round; of a rate the inverse, so that more is always worse."""
    found: dict[Key, Rounds] = defaultdict(dict)
    for each in samples:
        figure = each.counters.cpu_seconds if processor else each.value
        if each.status == "ok" and figure:
            value = figure if each.lower_is_better or processor else 1 / figure
            found[each.workload, each.case, each.candidate][each.block, each.round] = value
    return found


class Figures:
    """Figures of one kind, with what they are compared with."""

    def __init__(
        self, values: Mapping[Key, Rounds], baseline: str, controls: Sequence[str], changed: Mapping[str, str]
    ) -> None:
        self._values = values
        self._baseline = baseline
        self._changed = changed
        """By ablation, the image that it is of: the two are compared, whatever the baseline is."""
        self._controls = controls
        self._pooled = _pooled(values, baseline, controls)
        # The noise of a difference of two single figures is more than that of one and a mean of several.
        self._eased = math.sqrt((1 + 1 / (1 + len(controls))) / 2)
        self.floors = _floors(values, baseline, controls)

    def compared(self, key: Key) -> Comparison | None:
        """Return how *key*'s candidate differs from the baseline: from all its selves, but for a control."""
        workload, case, candidate = key
        if candidate == self._baseline:
            return None
        beside, values, eased = self._beside(candidate)
        ratios = log_ratios(values.get(key, {}), values.get((workload, case, beside), {}))
        floor = self.floors.get((workload, case), 0.0) * eased
        return compare(ratios, floor=floor) if ratios else None

    def _beside(self, candidate: str) -> tuple[str, Mapping[Key, Rounds], float]:
        """Return what *candidate* is compared with, by which figures, and how much of the noise those have."""
        beside = self._changed.get(candidate, self._baseline)
        if candidate in self._controls or beside != self._baseline:
            return beside, self._values, 1.0
        return beside, self._pooled, self._eased

    def together(self, workload: str, cases: Sequence[str], candidate: str) -> Comparison | None:
        """Return how the geometric mean of *cases* differs for *candidate*."""
        own = self._values
        beside, values, eased = self._beside(candidate)
        control = [
            (own.get((workload, case, name), {}), own.get((workload, case, self._baseline), {}))
            for name in self._controls[:1]
            for case in cases
        ]
        return taken_together(
            [own.get((workload, case, candidate), {}) for case in cases],
            [values.get((workload, case, beside), {}) for case in cases],
            control=control,
            eased=eased,
        )


def _pooled(values: Mapping[Key, Rounds], baseline: str, controls: Sequence[str]) -> dict[Key, Rounds]:
    """Return *values* in which the baseline has, round by round, the geometric mean of itself and its controls.

    They are the same image, measured twice or more: what candidates are compared with is then less a matter of chance.
    """
    found = dict(values)
    for (workload, case, candidate), rounds in values.items():
        if candidate == baseline:
            same = [values.get((workload, case, each), {}) for each in controls]
            found[workload, case, candidate] = {
                number: geometric_mean([value, *(each[number] for each in same if number in each)])
                for number, value in rounds.items()
            }
    return found


def _floors(values: Mapping[Key, Rounds], baseline: str, controls: Sequence[str]) -> dict[tuple[str, str], float]:
    """Return the noise floor of each case, from all A/A controls."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (workload, case, candidate), rounds in values.items():
        if candidate in controls:
            found[workload, case] += log_ratios(rounds, values.get((workload, case, baseline), {}))
    return {key: noise(ratios) for key, ratios in found.items() if len(ratios) >= FEWEST}
