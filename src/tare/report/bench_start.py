"""A cold start as a waterfall: the container, the interpreter in it, its imports, each less what it has of those before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from tare.bench.result import Sample
from tare.bench.suites import CONTAINER, START_CASES
from tare.report.page.document import Axis, Span, Timeline, Track
from tare.report.page.words import Words

_INTERPRETER, _, _IMPORTS = START_CASES
_PARTS: Final = {
    "container": (CONTAINER, _INTERPRETER),
    "interpreter": (_INTERPRETER, None),
    "imports": (_IMPORTS, _INTERPRETER),
}
"""By word: what is measured, and what of it is not this part."""


def waterfalls(samples: Sequence[Sample], names: Sequence[str], texts: Words) -> list[Timeline]:
    """Return the waterfall of *names*, in that order; none where no start was measured."""
    medians = _medians(samples)
    tracks = [(name, tuple(_spans(medians.get(name, {}), texts))) for name in names]
    found = tuple(Track(name=name, spans=spans) for name, spans in tracks if spans)
    if not found:
        return []
    return [Timeline(title=texts("waterfall"), axis=Axis(name=texts("time"), unit="s"), tracks=found)]


def _medians(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Return by candidate and case the median of all rounds."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in samples:
        if each.status == "ok" and each.value is not None:
            values[each.candidate][each.case].append(each.value)
    return {name: {case: median(found) for case, found in cases.items()} for name, cases in values.items()}


def _spans(cases: dict[str, float], texts: Words) -> Iterator[Span]:
    at = 0.0
    for key, (case, less) in _PARTS.items():
        if case not in cases or (less is not None and less not in cases):
            continue
        length = max(0.0, cases[case] - (cases[less] if less is not None else 0.0))
        yield Span(name=texts(key), kind=texts(key), start=at, end=at + length)
        at += length
