"""One case of one candidate: its figure over all rounds, and what is to be known of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tare.bench.families import Key
from tare.bench.result import LIMITED, Sample, Status
from tare.bench.statistics import Comparison

_WORST: Final[tuple[Status, ...]] = ("mismatch", "oom", "timeout", "failed", "invalid", "unsupported", "ok")


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


def grouped(samples: Iterable[Sample]) -> dict[Key, list[Sample]]:
    """Return the samples of each cell."""
    found: dict[Key, list[Sample]] = {}
    for each in samples:
        found.setdefault((each.workload, each.case, each.candidate), []).append(each)
    return found


def cell(key: Key, samples: Sequence[Sample], *, comparison: Comparison | None, processor: Comparison | None) -> Cell:
    """Return the cell of *samples*, with its comparisons where they may be made."""
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
