"""What samples show: figures per cell, and verdicts against the baseline."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from tare.bench.answers import checked
from tare.bench.correction import corrected
from tare.bench.families import Family, Key, Rounds, family, front, leading, taken_together
from tare.bench.result import LIMITED, SERVER, Results, Sample, Status
from tare.bench.statistics import FEWEST, Comparison, compare, geometric_mean, log_ratios, noise, order_effect


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One case of one candidate."""

    workload: str
    case: str
    candidate: str
    status: Status
    """The worst that happened in any round."""
    unit: str = "s"
    median: float | None = None
    lowest: float | None = None
    highest: float | None = None
    first: float | None = None
    """The median of the very first repetitions, one in each container, which `median` leaves out; None without any."""
    rounds: int = 0
    cpu_seconds: float | None = None
    memory_peak: int | None = None
    """Bytes, of the control group, or of the largest process where there is none."""
    comparison: Comparison | None = None
    """With the baseline, or of an ablation with its own image; None where there is nothing to compare."""
    processor: Comparison | None = None
    """The same for seconds of processor time, which neighbours disturb less."""
    note: str | None = None
    """Why it has no figure, or none that is compared."""
    extra: dict[str, float] = {}
    """Medians of what was measured beside the figure, such as the server's share of it."""


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of a run."""

    baseline: str
    cells: tuple[Cell, ...]
    families: tuple[Family, ...]
    noise: dict[str, float]
    """By workload: the ratio that the A/A control shows for nothing, in the noisiest of its cases."""
    front: tuple[str, ...]
    """Candidates that no other beats in size and in time, if both were measured."""
    warnings: tuple[str, ...]
    front_of: str | None = None
    """The workload whose time that is."""


def analyse(results: Results) -> Analysis:
    """Return what the samples of *results* show."""
    samples = checked(results)
    baseline = results.run.plan.baseline
    controls = [each.name for each in results.run.candidates if each.control == baseline]
    changed = {each.name: each.ablation_of for each in results.run.candidates if each.ablation_of}
    clock = _Figures(paired_values(samples), baseline, controls, changed)
    processor = _Figures(paired_values(samples, processor=True), baseline, controls, changed)
    alone = [
        _cell(key, group, comparison=clock.compared(key), processor=processor.compared(key))
        for key, group in _grouped(samples).items()
    ]
    cells = tuple(_as_a_table(alone, controls))
    shown = [each.name for each in results.run.candidates if each.control is None]
    families = tuple(_families(cells, [name for name in shown if name != baseline], clock))
    chosen = leading(families)
    named = [each for each in results.run.candidates if each.control is None and each.ablation_of is None]
    sizes = {each.name: each.sizes.pull for each in named if each.sizes}
    best = front(sizes, families, workload=chosen, baseline=baseline) if chosen else set()
    return Analysis(
        baseline=baseline,
        cells=cells,
        families=families,
        noise={workload: math.exp(floor) for workload, floor in _by_workload(clock.floors).items()},
        front=tuple(name for name in shown if name in best),
        front_of=chosen if best else None,
        warnings=(*_warnings(samples, cells), *_throttled(samples), *_apart(samples, baseline), *_skew(results)),
    )


def _grouped(samples: Iterable[Sample]) -> dict[Key, list[Sample]]:
    found: dict[Key, list[Sample]] = {}
    for each in samples:
        found.setdefault((each.workload, each.case, each.candidate), []).append(each)
    return found


def paired_values(samples: Iterable[Sample], *, processor: bool = False) -> dict[Key, Rounds]:
    """Return good figures by round; of a rate the inverse, so that more is always worse."""
    found: dict[Key, Rounds] = defaultdict(dict)
    for each in samples:
        figure = each.counters.cpu_seconds if processor else each.value
        if each.status == "ok" and figure:
            value = figure if each.lower_is_better or processor else 1 / figure
            found[each.workload, each.case, each.candidate][each.block, each.round] = value
    return found


class _Figures:
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


def _by_workload(floors: Mapping[tuple[str, str], float]) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for (workload, _), floor in floors.items():
        found[workload].append(floor)
    return {workload: max(each) for workload, each in found.items()}


_WORST: Final[tuple[Status, ...]] = ("mismatch", "oom", "timeout", "failed", "invalid", "unsupported", "ok")


def _cell(key: Key, samples: Sequence[Sample], *, comparison: Comparison | None, processor: Comparison | None) -> Cell:
    workload, case, candidate = key
    status = min((each.status for each in samples), key=_WORST.index)
    good = [each for each in samples if each.status == "ok" and each.value is not None]
    figures = [each.value for each in good if each.value is not None]
    peaks = [each.counters.memory_peak or each.counters.rss_peak or 0 for each in good]
    firsts = [each.first for each in good if each.first is not None and each.values != (each.first,)]
    seconds = [each.counters.cpu_seconds for each in good if each.counters.cpu_seconds is not None]
    # What the load generator could not exceed says nothing of the image, and would look like no difference.
    compared = status == "ok" and not any(each.extra.get(LIMITED) for each in samples)
    return Cell(
        workload=workload,
        case=case,
        candidate=candidate,
        status=status,
        unit=samples[0].unit,
        median=statistics.median(figures) if figures else None,
        lowest=min(figures, default=None),
        highest=max(figures, default=None),
        first=statistics.median(firsts) if firsts else None,
        rounds=len(figures),
        cpu_seconds=statistics.median(seconds) if seconds else None,
        memory_peak=max(peaks, default=0) or None,
        comparison=comparison if compared else None,
        processor=processor if compared else None,
        note=next((each.note for each in samples if each.note and each.status == status), None),
        extra={name: statistics.median(each.extra.get(name, 0.0) for each in good) for name in good[0].extra}
        if good
        else {},
    )


def _as_a_table(cells: Sequence[Cell], controls: Sequence[str]) -> Sequence[Cell]:
    """Return *cells* with verdicts that hold for all cases of a workload together, over all candidates."""
    found = list(cells)
    for workload in dict.fromkeys(each.workload for each in cells):
        places = [
            place for place, each in enumerate(cells) if each.workload == workload and each.candidate not in controls
        ]
        clock = {place: each for place in places if (each := cells[place].comparison) is not None}
        processor = {place: each for place in places if (each := cells[place].processor) is not None}
        for place, each in zip(clock, corrected(list(clock.values())), strict=True):
            found[place] = msgspec.structs.replace(found[place], comparison=each)
        for place, each in zip(processor, corrected(list(processor.values())), strict=True):
            found[place] = msgspec.structs.replace(found[place], processor=each)
    return found


def _families(cells: Sequence[Cell], candidates: Sequence[str], clock: _Figures) -> Iterable[Family]:
    for workload in dict.fromkeys(each.workload for each in cells):
        for candidate in candidates:
            compared = {
                each.case: each.comparison
                for each in cells
                if each.workload == workload
                and each.candidate == candidate
                and each.comparison is not None
                and not each.case.endswith(SERVER)
            }
            if compared:
                whole = clock.together(workload, list(compared), candidate)
                yield family(workload, candidate, list(compared.values()), whole)


def _warnings(samples: Sequence[Sample], cells: Sequence[Cell]) -> Iterable[str]:
    wrong = Counter((each.status, each.candidate) for each in cells if each.status not in {"ok", "unsupported"})
    for (status, candidate), count in wrong.items():
        yield f"{count} case{'s' if count > 1 else ''} of {candidate} marked {status}"
    by_order: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    medians = {(each.workload, each.case, each.candidate): each.median for each in cells}
    for each in samples:
        median = medians.get((each.workload, each.case, each.candidate))
        if each.status == "ok" and each.value and median:
            by_order[each.workload][each.order].append(each.value / median)
    for workload, orders in by_order.items():
        if order_effect(orders):
            yield f"order effect in {workload}: what ran later in a round took longer, or less; the machine was not steady"


def _throttled(samples: Sequence[Sample]) -> Iterable[str]:
    """Warn of what the kernel kept from running: its time is that of a limit, and not of the image."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in samples:
        if each.counters.throttled_seconds:
            found[each.candidate].append(each.counters.throttled_seconds)
    for candidate, seconds in found.items():
        yield f"{candidate} was throttled for {sum(seconds):.1f} s in {len(seconds)} sample{'' if len(seconds) == 1 else 's'}"


def _apart(samples: Sequence[Sample], baseline: str) -> Iterable[str]:
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


def _skew(results: Results) -> Iterable[str]:
    """Warn of interpreters of different versions, whose difference is more than that of any base, and of several engines."""
    found = {each.name: each.facts.python.split(" (")[0] for each in results.run.candidates if each.facts}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{name}: {python}" for name, python in sorted(found.items()))
        yield f"the interpreters' versions differ ({listed}): so do their figures, whatever the image"
    engines = sorted({each.engine for each in results.run.machines.values()})
    if len(engines) > 1:
        yield f"blocks were measured with different engines ({', '.join(engines)}): medians are of both"
