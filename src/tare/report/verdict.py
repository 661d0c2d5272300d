"""What the numbers of a comparison say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median, quantiles
from typing import Final

from tare.bench.comparison import Candidate, Comparison
from tare.report.page.words import Words
from tare.report.text import duration, megabytes

_SAME: Final = 1.05
"""Two measures whose ratio is below this are called the same: what a few rounds on a shared machine can tell."""


def verdict(comparison: Comparison, texts: Words) -> Iterator[str]:
    """Yield what the numbers say, a sentence each; of one image alone there is nothing to say."""
    good = [each for each in comparison.candidates if each.status == "ok"]
    if not good:
        yield texts("none_measured")
    if len(good) < 2:  # nothing to compare with
        return
    best = front(good)
    started = any(each.start for each in good)
    if len(best) == 1:
        yield texts("choose_one" if started else "choose_smallest", name=best[0].name)
    elif best:
        *others, last = (each.name for each in best)
        differ = any(_smaller(one, other) or _later(one, other) for one in best for other in best)
        key = "choose_some" if differ else "choose_any" if started else "choose_any_size"
        yield texts(key, names=", ".join(others), last=last)
    yield from _of_sizes(good, texts)
    yield from _of_starts(good, texts)
    yield from _of_builds(good, texts)


def front(good: list[Candidate]) -> list[Candidate]:
    """Return the candidates that no other beats in what is pulled and how long the imports take: a Pareto front.

    A difference that may be noise, or of a few percent, does not count. Where nothing was imported, the size alone
    decides.
    """
    placed = [each for each in good if each.sizes]
    return [
        each
        for each in placed
        if not any(
            (_smaller(other, each) and not _later(other, each)) or (_later(each, other) and not _smaller(each, other))
            for other in placed
        )
    ]


def _smaller(one: Candidate, other: Candidate) -> bool:
    """Tell whether less is to be pulled of *one*, by more than some percent."""
    return bool(one.sizes and other.sizes and one.sizes.pull * _SAME < other.sizes.pull)


def _later(one: Candidate, other: Candidate) -> bool:
    """Tell whether *one* starts later by more than some percent, and by more than half of its own starts differ.

    Images are measured one after another, so that less would be the machine's.
    """
    if imports_of(one) <= imports_of(other) * _SAME:
        return False
    return _quartiles(one)[0] > _quartiles(other)[1]


def _quartiles(each: Candidate) -> tuple[float, float]:
    """Return what a quarter of its imports is below, and what a quarter is above: a single outlier is neither."""
    values = each.start.imports if each.start and each.start.modules else ()
    if len(values) < 2:
        return (values[0], values[0]) if values else (0.0, 0.0)
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def imports_of(each: Candidate) -> float:
    """Return the median of its imports in seconds; 0 where none was measured, or there is nothing to import."""
    return median(each.start.imports) if each.start and each.start.modules else 0.0


def _of_sizes(good: list[Candidate], texts: Words) -> Iterator[str]:
    ends = _ends([(each.sizes.pull, each) for each in good if each.sizes])
    if ends is not None:
        small, first, large, last = ends
        if large / small < _SAME:
            yield texts("same_size", percent=(_SAME - 1) * 100)
            return
        yield texts("smallest", name=first.name, size=megabytes(int(small)), other=last.name, ratio=large / small)


def _of_starts(good: list[Candidate], texts: Words) -> Iterator[str]:
    ends = _ends([(imports_of(each), each) for each in good if imports_of(each)])
    if ends is not None:
        short, first, long, last = ends
        if not _later(last, first):
            yield texts("same_start", percent=(_SAME - 1) * 100)
            return
        names = {"name": first.name, "other": last.name}
        yield texts("fastest_start", seconds=duration(short), ratio=long / short, **names)
        yield from _of_bytecode(good, texts)


def _of_bytecode(good: list[Candidate], texts: Words) -> Iterator[str]:
    """Say of which images what is imported has no bytecode, where others have it (docs/bytecode.md)."""
    without = [each for each in good if each.facts.bytecode is False]
    others = [each for each in good if each.facts.bytecode]
    if without and others:
        names, having = (", ".join(each.name for each in some) for some in (without, others))
        yield texts("no_bytecode", names=names, others=having)
        if any(each.builder == "tare" for each in without):
            yield texts("bytecode_of_tare")


def _of_builds(good: list[Candidate], texts: Words) -> Iterator[str]:
    ends = _ends([(build.seconds, each) for each in good for build in each.builds if build.change == "line"])
    if ends is not None:
        short, first, long, last = ends
        ratio = long / short
        shown = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"  # two digits are what was measured
        yield texts("fastest_build", name=first.name, seconds=duration(short), other=last.name, ratio=shown)


def _ends(measured: list[tuple[float, Candidate]]) -> tuple[float, Candidate, float, Candidate] | None:
    """Return the least and the most with whose they are, or None when there is nothing to compare."""
    if len(measured) < 2:  # nothing to compare with
        return None
    (least, first), *_, (most, last) = sorted(measured, key=lambda pair: pair[0])
    return (least, first, most, last) if least else None
