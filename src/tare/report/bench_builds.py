"""What builds of a benchmark consist of: a plot for each builder and change, with the steps of each image in a row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tare.bench.cell import Cell
from tare.bench.result import Candidate
from tare.report.bench_cells import labelled
from tare.report.page.document import Axis, Span, Timeline, Track
from tare.report.page.words import Words

_STEP: Final = re.compile(r"step(?: \((?P<kind>\w+)\))?: (?P<name>.+)", re.DOTALL)
"""How a step is called among the figures beside a build's own."""


def builds(cells: Sequence[Cell], images: Sequence[Candidate], texts: Words) -> list[Timeline]:
    """Return the steps of *images*, medians of all rounds; none where nothing was built."""
    found = []
    for case in dict.fromkeys(each.case for each in cells):
        by_image = {each.candidate: tuple(_spans(each, texts)) for each in cells if each.case == case}
        tracks = tuple(Track(name=labelled(each), spans=spans) for each in images if (spans := by_image.get(each.name)))
        if tracks:
            axis = Axis(name=texts("time"), unit="s")
            title = texts("build_steps", change=case)
            found.append(Timeline(title=title, axis=axis, tracks=tracks, kinds=texts.kinds()))
    return found


def _spans(cell: Cell, texts: Words) -> Iterator[Span]:
    """Yield the steps one after another. Stages of BuildKit run beside each other: their sum may be more than the build."""
    at = 0.0
    for figure, seconds in cell.extra.items():
        match = _STEP.fullmatch(figure)
        if match:
            kind = texts.kind(match["kind"] or "build")
            yield Span(name=match["name"], kind=kind, start=at, end=at + seconds)
            at += seconds
