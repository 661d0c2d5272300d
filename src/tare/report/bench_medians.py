"""The table of a workload's medians on a page."""

from __future__ import annotations

from collections.abc import Sequence

from tare.bench.cell import Cell
from tare.bench.result import Run
from tare.report.bench_cells import amount, colder, first_time, labelled, notes, peak, server, shown
from tare.report.page.document import Column, Table
from tare.report.page.words import Words


def medians(run: Run, cells: Sequence[Cell], workload: str, baseline: str, texts: Words) -> Table:
    """Return the table of a workload: a row for each case, and one more where the server or a cold start has a part in it."""
    names = [each.name for each in shown(run)]
    # What only the second self of an image did, such as loading a table once for all, was done by that image.
    selves = {each.name: each.control for each in run.candidates if each.control}
    by_place = {(each.case, selves[each.candidate]): each for each in cells if each.candidate in selves}
    by_place |= {(each.case, each.candidate): each for each in cells}
    rows: list[tuple[str, ...]] = []
    for case in dict.fromkeys(each.case for each in cells):
        found = [by_place.get((case, name)) for name in names]
        rows.append((case, *(_shown_cell(cell, baseline) for cell in found)))
        if any(cell is not None and "server" in cell.extra for cell in found):
            # Only the rest of the time can depend on the image.
            rows.append((texts("of_it_server", case=case), *(server(cell) or "–" for cell in found)))
        if colder(found):
            rows.append((texts("first_time", case=case), *(first_time(cell) or "–" for cell in found)))
    peaks = [peak(cells, name) for name in names]
    if any(peaks):
        rows.append((texts("memory"), *peaks))
    heads = (Column(name=texts("case")), *(Column(name=labelled(each), number=True) for each in shown(run)))
    return Table(
        caption=texts("medians", workload=workload), columns=heads, rows=tuple(rows), notes=tuple(notes(cells, names))
    )


def _shown_cell(cell: Cell | None, baseline: str) -> str:
    if cell is None:
        return "–"
    if cell.status != "ok" or cell.median is None:
        return cell.status
    figure = amount(cell.median, cell.unit)
    if cell.candidate == baseline or cell.comparison is None:
        return figure
    return f"{figure} ({cell.comparison.ratio:.2f}×, {cell.comparison.words})"
