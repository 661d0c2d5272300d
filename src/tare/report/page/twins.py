"""The table that says what a plot shows, for who cannot see it, or wants the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch

from tare.report.page.document import Axis, Bars, Column, Curves, Forest, Plot, Scatter, Strip, Table, Timeline
from tare.report.page.words import Words


def twin(plot: Plot, words: Words) -> Table:
    """Return the table of *plot*: every number in it."""
    return _twin(plot, words)


def number(value: float) -> str:
    """Return *value* with four digits that count, and thousands apart.

    >>> [number(each) for each in (0.0123456, 1.5, 1234.5678, 250000000)]
    ['0.01235', '1.5', '1,235', '250,000,000']
    """
    if abs(value) >= 1000:  # where digits behind the point end
        return f"{value:,.0f}"
    return f"{value:.4g}"


@singledispatch
def _twin(plot: Plot, words: Words) -> Table:
    raise TypeError(plot, words)


@_twin.register
def _(plot: Bars, words: Words) -> Table:
    rows = [(bar.name, part.name, number(part.value)) for bar in plot.bars for part in bar.parts]
    return _table(plot.title, (words("image"), words("part")), (plot.axis,), rows)


@_twin.register
def _(plot: Timeline, words: Words) -> Table:
    rows = [
        (track.name, span.name, span.kind, number(span.start), number(span.end - span.start))
        for track in plot.tracks
        for span in track.spans
    ]
    times = (Axis(name=words("start"), unit=plot.axis.unit), Axis(name=words("length"), unit=plot.axis.unit))
    return _table(plot.title, (words("row"), words("step"), words("kind")), times, rows)


@_twin.register
def _(plot: Curves, words: Words) -> Table:
    rows = [(series.name, number(x), number(y)) for series in plot.series for x, y in series.points]
    return _table(plot.title, (words("image"),), (plot.x, plot.y), rows)


@_twin.register
def _(plot: Forest, words: Words) -> Table:
    rows = [
        (each.name, each.subject, each.verdict, *(f"{value:.3f}" for value in (each.ratio, each.low, each.high)))
        for each in plot.estimates
    ]
    numbers = (plot.axis, Axis(name=words("low")), Axis(name=words("high")))
    return _table(plot.title, (words("measure"), words("image"), words("verdict")), numbers, rows)


@_twin.register
def _(plot: Scatter, words: Words) -> Table:
    rows = [(each.name, "✓" if each.best else "", number(each.x), number(each.y)) for each in plot.points]
    return _table(plot.title, (words("image"), plot.best or words("best")), (plot.x, plot.y), rows)


@_twin.register
def _(plot: Strip, words: Words) -> Table:
    rows = [(each.name, str(turn), number(value)) for each in plot.samples for turn, value in enumerate(each.values, 1)]
    return _table(plot.title, (words("image"),), (Axis(name=words("round")), plot.axis), rows)


def _table(caption: str, texts: Iterable[str], numbers: Iterable[Axis], rows: Sequence[tuple[str, ...]]) -> Table:
    columns = (*(Column(name=name) for name in texts), *(Column(name=axis.label, number=True) for axis in numbers))
    return Table(caption=caption, columns=columns, rows=tuple(rows))
