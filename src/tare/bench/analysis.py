"""What samples show: figures per cell, and verdicts against the baseline."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tare.bench.answers import checked
from tare.bench.cell import Cell, cell, grouped
from tare.bench.correction import corrected
from tare.bench.doubts import doubts
from tare.bench.families import Family, family, front, leading
from tare.bench.paired import Figures, paired_values
from tare.bench.result import SERVER, Results


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
    clock = Figures(paired_values(samples), baseline, controls, changed)
    processor = Figures(paired_values(samples, processor=True), baseline, controls, changed)
    alone = [
        cell(key, group, comparison=clock.compared(key), processor=processor.compared(key))
        for key, group in grouped(samples).items()
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
        warnings=tuple(doubts(results, samples, cells)),
    )


def _by_workload(floors: Mapping[tuple[str, str], float]) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for (workload, _), floor in floors.items():
        found[workload].append(floor)
    return {workload: max(each) for workload, each in found.items()}


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


def _families(cells: Sequence[Cell], candidates: Sequence[str], clock: Figures) -> Iterable[Family]:
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
