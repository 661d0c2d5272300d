"""Every kind of plot, drawn."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from tare.report.page.document import Axis, Bars, Curves, Forest, Plot, Scatter, Strip, Timeline
from tare.report.page.plots.canvas import BAND, DASHES, INK, canvas, colour, inline, marker

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as Scale

ROW: Final = 0.34
"""The height of a row, in inches."""
FRAME: Final = 0.9
"""The height of what is around the rows."""


def draw(plot: Plot, *, name: str) -> str:
    """Return *plot* as SVG; *name* is the beginning of its identifiers on the page."""
    with canvas(_height(plot)) as (_, axes, drawn):
        _draw(plot, axes)
    return inline(drawn[0], title=plot.title, name=name)


def _height(plot: Plot) -> float:
    match plot:
        case Bars():
            return FRAME + ROW * (len(plot.bars) + 1)
        case Timeline():
            return FRAME + ROW * (len(plot.tracks) + 1)
        case Forest():
            return FRAME + ROW * 0.7 * len(plot.estimates)
        case Strip():
            return FRAME + ROW * len(plot.samples)
        case Curves() | Scatter():
            return 3.6


def _draw(plot: Plot, axes: Axes) -> None:
    match plot:
        case Bars():
            _bars(plot, axes)
        case Timeline():
            _timeline(plot, axes)
        case Curves():
            _curves(plot, axes)
        case Forest():
            _forest(plot, axes)
        case Scatter():
            _scatter(plot, axes)
        case Strip():
            _strip(plot, axes)


def _bars(plot: Bars, axes: Axes) -> None:
    kinds = list(dict.fromkeys(part.name for bar in plot.bars for part in bar.parts))
    for row, bar in enumerate(plot.bars):
        left = 0.0
        for part in bar.parts:
            axes.barh(row, part.value, left=left, height=0.66, color=colour(kinds.index(part.name)))
            left += part.value
        axes.annotate(f" {left:,.4g}", (left, row), va="center")
    _rows(axes, [bar.name for bar in plot.bars])
    _legend(axes, kinds)
    _label(axes.xaxis, plot.axis)


def _timeline(plot: Timeline, axes: Axes) -> None:
    there = dict.fromkeys(span.kind for track in plot.tracks for span in track.spans)
    kinds = list(dict.fromkeys((*plot.kinds, *there)))
    for row, track in enumerate(plot.tracks):
        for span in track.spans:
            length = max(span.end - span.start, 0)
            axes.barh(row, length, left=span.start, height=0.66, color=colour(kinds.index(span.kind)))
    _rows(axes, [track.name for track in plot.tracks])
    _legend(axes, kinds, there)
    _label(axes.xaxis, plot.axis)


def _curves(plot: Curves, axes: Axes) -> None:
    for place, series in enumerate(plot.series):
        xs, ys = zip(*series.points, strict=True) if series.points else ((), ())
        style = {"marker": marker(place), "linestyle": DASHES[place % len(DASHES)], "markersize": 4}
        axes.plot(xs, ys, color=colour(place), label=series.name, **style)  # type: ignore[arg-type]  # keywords
    if plot.series:
        axes.legend()
    _label(axes.xaxis, plot.x)
    _label(axes.yaxis, plot.y)


def _forest(plot: Forest, axes: Axes) -> None:
    subjects = list(dict.fromkeys(each.subject for each in plot.estimates))
    axes.axvspan(1 / plot.threshold, plot.threshold, color=BAND)
    axes.axvline(1, color=INK, linewidth=0.8)
    for row, each in enumerate(plot.estimates):
        place = subjects.index(each.subject)
        axes.plot([each.low, each.high], [row, row], color=colour(place), linewidth=1.6)
        axes.plot(each.ratio, row, color=colour(place), marker=marker(place), markersize=5)
    several = len(subjects) > 1
    _rows(axes, [f"{each.name}, {each.subject}" if several else each.name for each in plot.estimates])
    _label(axes.xaxis, plot.axis)


def _scatter(plot: Scatter, axes: Axes) -> None:
    front = sorted((point.x, point.y) for point in plot.points if point.best)
    if len(front) > 1:
        axes.plot(*zip(*front, strict=True), color=INK, linewidth=0.8, linestyle="--", label=plot.best or None)
    for place, point in enumerate(plot.points):
        axes.plot(point.x, point.y, color=colour(place), marker=marker(place), markersize=8 if point.best else 6)
        axes.annotate(point.name, (point.x, point.y), xytext=(7, 5), textcoords="offset points")
    axes.margins(0.15)
    _label(axes.xaxis, plot.x)
    _label(axes.yaxis, plot.y)


def _strip(plot: Strip, axes: Axes) -> None:
    for row, sample in enumerate(plot.samples):
        axes.plot(sample.values, [row] * len(sample.values), "|", color=colour(row), markersize=11)
    _rows(axes, [sample.name for sample in plot.samples])
    _label(axes.xaxis, plot.axis)


def _rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _legend(axes: Axes, kinds: list[str], there: Collection[str] | None = None) -> None:
    """Name the colours above the plot, unless there is one only."""
    if len(kinds) < 2:
        return
    from matplotlib.patches import Patch

    patches = [
        Patch(color=colour(place), label=kind) for place, kind in enumerate(kinds) if there is None or kind in there
    ]
    axes.legend(handles=patches, loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.2)


def _label(scale: Scale, axis: Axis) -> None:
    scale.set_label_text(axis.label)
    if axis.logarithmic:
        from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

        axes = scale.axes
        (axes.set_xscale if scale is axes.xaxis else axes.set_yscale)("log")
        low, high = scale.get_view_interval()
        # Within less than a decade, 1, 2 and 5 would be one number or none.
        scale.set_major_locator(
            MaxNLocator(nbins=8, steps=[1, 2, 5, 10]) if high < low * 6 else LogLocator(subs=(1, 2, 5))
        )
        scale.set_major_formatter(StrMethodFormatter("{x:g}"))
        scale.set_minor_formatter("")
