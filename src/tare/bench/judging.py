"""What came of a load, as cells of the table: their names, what counts and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tare.bench.load import BUSY, Loaded, percentiles
from tare.bench.result import LIMITED, Sample, Status
from tare.bench.routes import Route
from tare.bench.workload import Measured

CLOSED: Final = "service"
OPEN: Final = "service, open loop"
FIRST: Final = "service: first answer"


def closed_case(route: Route, users: int) -> str:
    """Return the name of the cell for a closed load of *users* connections."""
    return f"{route.name}: {users} connection{'s' if users > 1 else ''}"


def latency_case(route: Route, share: float) -> str:
    """Return the name of the cell for an open load at *share* of the weakest candidate's peak."""
    return f"{route.name}: latency at {share:.0%} of the weakest peak"


def capacity_case(route: Route, limit: float) -> str:
    """Return the name of the cell for the highest rate whose p99 stays below *limit* seconds."""
    return f"{route.name}: highest rate with a p99 below {limit * 1000:.0f} ms"


def judged(case: str, loaded: Loaded, check: str, *, wrong: str | None, rate: bool, offered: float = 0.0) -> Measured:
    """Return a cell: of a closed load its rate, of an open one its p99; or why it does not count."""
    points = percentiles(loaded.histogram)
    saturated = loaded.saturated(points[99]) if not rate or loaded.lost else None
    if saturated and not rate:
        # What came of it all the same: the report has no other place for it, since the cell does not count.
        saturated += (
            f"; {loaded.rate:,.0f} requests/s were answered of {offered:,.0f}, with a p99 of {points[99] * 1e3:.1f} ms"
        )
    if loaded.lost:
        wrong = None  # What was counted is not all that was sent.
    # A closed load has no timetable to fall behind: the service bears at least what was measured.
    limited = f"{loaded.saturated(points[99])}: the service may bear more" if rate and loaded.busy > BUSY else None
    lost = f"{loaded.dropped} requests had no answer when the load was ended" if loaded.dropped else None
    note = wrong or saturated or (f"{loaded.errors} errors" if loaded.errors else lost or limited)
    status: Status = (
        "mismatch" if wrong else "invalid" if saturated else "failed" if loaded.errors else "timeout" if lost else "ok"
    )
    value = loaded.rate if rate else points[99]
    return Measured(
        case=case,
        status=status,
        value=value,
        values=(value,),
        unit="requests/s" if rate else "s",
        lower_is_better=not rate,
        check=check,
        histogram=loaded.histogram,
        note=note,
        extra={
            "requests": float(loaded.requests), "errors": float(loaded.errors), "dropped": float(loaded.dropped),
            "offered": offered, "lag_p99": loaded.lag_p99, "generator": loaded.busy, "rate": loaded.rate,
            **({LIMITED: 1.0} if limited else {}),
            **{f"p{point:g}": seconds for point, seconds in points.items()},
        },
    )  # fmt: skip


def lowest_peaks(samples: Sequence[Sample], candidates: Sequence[str]) -> dict[str, float]:
    """Return by path the peak of the weakest of *candidates* in the first round."""
    best: dict[tuple[str, str], float] = {}
    for each in samples:
        if (
            each.workload == CLOSED
            and each.round == 0
            and each.unit == "requests/s"
            and each.value
            and each.status == "ok"
        ):
            key = (each.case.partition(":")[0], each.candidate)
            best[key] = max(best.get(key, 0.0), each.value)
    found: dict[str, float] = {}
    for (path, candidate), peak in best.items():
        if candidate in candidates:
            found[path] = min(found.get(path, peak), peak)
    return found
