"""The table of a workload: a row for each case, a column for each image, and how noisy the baseline is itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from tare.bench.analysis import Analysis
from tare.bench.cell import Cell
from tare.bench.result import Candidate, Run
from tare.bench.statistics import UNBOUNDED, Comparison
from tare.report.text import duration, megabytes

CONTROL: Final = "A/A"
"""The head of the column that has the baseline's second self beside the first."""


class CellTable(msgspec.Struct, frozen=True, kw_only=True):
    """A workload's table, without the form that a terminal or Markdown gives it."""

    heads: tuple[str, ...]
    """After the first column, which has the cases."""
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    """Why there is no figure where there is none."""


def cell_table(run: Run, found: Analysis, workload: str) -> CellTable:
    """Return the table of *workload*."""
    names = [each.name for each in shown(run)]
    controls = [each.name for each in run.candidates if each.control == found.baseline][:1]
    cells = {(each.case, each.candidate): each for each in found.cells if each.workload == workload}
    others = [name for name in names if name != found.baseline]
    rows: list[tuple[str, ...]] = []
    for case in dict.fromkeys(case for case, _ in cells):
        # What only its second self did, such as loading a table once for all, the baseline did.
        did = next((each for each in (found.baseline, *controls) if (case, each) in cells), found.baseline)
        first = _cell(cells.get((case, did)), baseline=True)
        own = [_against_itself(cells.get((case, name))) for name in controls]
        rows.append((case, first, *own, *(_cell(cells.get((case, name)), baseline=False) for name in others)))
        servers = [cells.get((case, name)) for name in (found.baseline, *controls, *others)]
        if any(each is not None and "server" in each.extra for each in servers):
            rows.append(("  of it the server", *map(server, servers)))
        if colder(servers):
            rows.append(("  the first time", *map(first_time, servers)))
    peaks = [peak(cells.values(), name) for name in (found.baseline, *controls, *others)]
    if any(peaks):
        rows.append(("peak memory", *peaks))
    labels = {each.name: labelled(each) for each in shown(run)}
    return CellTable(
        heads=(labels.get(found.baseline, found.baseline), *(CONTROL for _ in controls), *(labels[each] for each in others)),
        rows=tuple(rows),
        notes=tuple(notes(cells.values(), names)),
    )  # fmt: skip


def shown(run: Run) -> list[Candidate]:
    """Return the candidates without second names of the baseline."""
    return [each for each in run.candidates if each.control is None]


def labelled(candidate: Candidate) -> str:
    """Return a candidate's name, and a star if it stands in for an official image."""
    return f"{candidate.name}*" if candidate.replica else candidate.name


def legend_of(run: Run) -> str:
    """Return what the signs and percents of a cell mean."""
    beside = (
        ", or one with a thing changed than its own image" if any(each.ablation_of for each in run.candidates) else ""
    )
    return (
        f"≈ no practical difference, ? undecided; how much more it takes than {run.plan.baseline}{beside}, "
        "with its 95 % interval"
    )


def beside(run: Run, name: str) -> str:
    """Return what the candidate called *name* is compared with."""
    found = next((each.ablation_of for each in run.candidates if each.name == name), None)
    return found or run.plan.baseline


def replicas(run: Run) -> str:
    """Return what the star means, or nothing if no image has one."""
    found = [each for each in shown(run) if each.replica]
    if not found:
        return ""
    return f"* replica, made of the distribution's packages in the place of the official image: {', '.join(each.name for each in found)}"


def peak(cells: Iterable[Cell], name: str) -> str:
    """Return the most memory that a candidate had in any case, or nothing if nobody counted."""
    found = max((each.memory_peak or 0 for each in cells if each.candidate == name), default=0)
    return megabytes(found) if found else ""


def _cell(cell: Cell | None, *, baseline: bool) -> str:
    if cell is None:
        return "–"
    if cell.status != "ok" or cell.median is None:
        return cell.status
    figure = amount(cell.median, cell.unit)
    if baseline or cell.comparison is None:
        return figure
    words = f"{figure}  {mark(cell.comparison)} {interval(cell.comparison)}"
    own = cell.processor
    if cell.comparison.verdict == "undecided" and own is not None and own.verdict in {"faster", "slower"}:
        words += f"; processor {mark(own)} {percent(own.ratio)}"
    return words


def _against_itself(cell: Cell | None) -> str:
    if cell is None or cell.comparison is None:
        return "–" if cell is None or cell.status == "ok" else cell.status
    return percent(cell.comparison.ratio, digits=1)


def server(cell: Cell | None) -> str:
    """Return the server's share of a cell's time."""
    return amount(cell.extra["server"], "s") if cell is not None and "server" in cell.extra else ""


_COLDER: Final = 1.5
_NOTICED: Final = 0.01
"""Seconds that the first time has to take more: below, nobody would wait for it."""


def colder(cells: Iterable[Cell | None]) -> bool:
    """Tell whether the first time in a fresh container is worth a row: with most images it took clearly longer."""
    known = [
        (each.first, each.median)
        for each in cells
        if each is not None and each.unit == "s" and each.median is not None and each.first is not None
    ]
    felt = sum(first > max(_COLDER * warm, warm + _NOTICED) for first, warm in known)
    return felt * 2 > len(known)


def first_time(cell: Cell | None) -> str:
    """Return what the first time took, when imports were undone and caches cold."""
    return amount(cell.first, cell.unit) if cell is not None and cell.first is not None else ""


def notes(cells: Iterable[Cell], names: Sequence[str]) -> Iterator[str]:
    """Yield what is to be known of cells, once for all that have the same."""
    told: dict[tuple[str, str], list[str]] = {}
    for each in cells:
        if each.note and each.candidate in names:
            status = "" if each.status == "ok" else f"{each.status}: "
            told.setdefault((each.candidate, f"{status}{each.note}"), []).append(each.case)
    for (candidate, note), cases in told.items():
        what = ", ".join(cases[:2]) + (f" and {len(cases) - 2} more" if len(cases) > 2 else "")
        yield f"{candidate}, {what}: {note}"


def amount(value: float, unit: str) -> str:
    """Return a figure with its unit.

    >>> amount(0.0123, "s")
    '12.3 ms'
    >>> amount(31250.0, "requests/s")
    '31,250 requests/s'
    """
    if unit == "s":
        return f"{value * 1e3:.1f} ms" if value < 1 else duration(value) if value >= 60 else f"{value:.2f} s"
    if unit == "bytes":
        return megabytes(round(value))
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def mark(comparison: Comparison) -> str:
    """Return a word or a sign for a verdict; `legend_of` says what the signs are."""
    words = {"faster": "faster", "slower": "slower", "no practical difference": "≈"}
    return words.get(comparison.verdict, "?")


def interval(comparison: Comparison) -> str:
    """Return how much more it takes, with its interval."""
    if comparison.high >= UNBOUNDED or comparison.low <= 0:
        return f"{percent(comparison.ratio)} (too few rounds)"
    return f"{percent(comparison.ratio)} ({percent(comparison.low)} to {percent(comparison.high)})"


def percent(ratio: float, *, digits: int = 0) -> str:
    """Return a ratio as a difference, or as a multiple where that reads better.

    >>> percent(1.14), percent(0.97), percent(3.2), percent(0.999)
    ('+14 %', '−3 %', '3.2×', '0 %')
    """
    if math.isnan(ratio):
        return "–"
    if ratio >= 2:
        return f"{ratio:.1f}×"
    change = round((ratio - 1) * 100, digits)
    sign = "−" if change < 0 else "+" if change > 0 else ""
    return f"{sign}{abs(change):.{digits}f} %"
