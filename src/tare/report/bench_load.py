"""What a load test shows: throughput by the number of clients, latency by percentile at the same offered rate."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from tare.bench.load import decoded
from tare.bench.result import Sample
from tare.report.page.document import Axis, Curves, Series
from tare.report.page.words import Words

PERCENTILES: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
_CLIENTS: Final = re.compile(r"(?P<what>.+): (?P<clients>\d+) connections?")
"""How a case of a closed sweep is called: the path, and how many connections there were."""


def loads(samples: Sequence[Sample], texts: Words) -> list[Curves]:
    """Return the curves of *samples*; none where nothing was under load."""
    return [*_throughput(samples, texts), *_latency(samples, texts)]


def _throughput(samples: Sequence[Sample], texts: Words) -> Iterator[Curves]:
    found: dict[str, dict[str, dict[int, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for each in samples:
        match = _CLIENTS.fullmatch(each.case)
        if match and each.value is not None and each.status == "ok":
            found[match["what"]][each.candidate][int(match["clients"])].append(each.value)
    for what, candidates in found.items():
        if all(len(points) < 2 for points in candidates.values()):
            continue  # One number of connections is no curve; the table of medians has it.
        yield Curves(
            title=texts("throughput", case=what),
            x=Axis(name=texts("concurrency"), logarithmic=True),
            y=Axis(name="requests/s"),
            series=tuple(
                Series(
                    name=name,
                    points=tuple((clients, statistics.median(values)) for clients, values in sorted(points.items())),
                )
                for name, points in candidates.items()
            ),
        )


def _latency(samples: Sequence[Sample], texts: Words) -> Iterator[Curves]:
    """Yield, for each case of an open load, the latency of all rounds together: a closed one says nothing of waiting."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for each in samples:
        if each.histogram is not None and each.status == "ok" and each.unit == "s":
            found[each.case][each.candidate].append(each.histogram)
    for case, candidates in found.items():
        yield Curves(
            title=texts("percentiles", case=case),
            x=Axis(name=texts("percentile"), unit="%"),
            y=Axis(name=texts("latency"), unit="ms", logarithmic=True),
            series=tuple(Series(name=name, points=_percentiles(texts_)) for name, texts_ in candidates.items()),
        )


def _percentiles(encoded: Sequence[str]) -> tuple[tuple[float, float], ...]:
    whole, *others = (decoded(each) for each in encoded)
    for other in others:
        whole.add(other)
    return tuple((each, whole.get_value_at_percentile(each) / 1000) for each in PERCENTILES)
