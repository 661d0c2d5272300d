"""What repairs are worth, as people and machines read it."""

from __future__ import annotations

from collections.abc import Sequence

from tare.flow.dockerfiles.measure import ROUNDS, Figures, Measured
from tare.report.text import duration, megabytes, printable, table


def measured_text(every: Sequence[Measured]) -> str:
    """Return a table for each file."""
    lines: list[str] = []
    for each in every:
        many = "repair" if each.fixed == 1 else "repairs"
        lines += [
            f"{printable(each.file)}: {each.fixed} {many}, built by {each.engine}",
            "",
            *table(_rows(each)).splitlines(),
            "",
        ]
    if every:
        lines.append(
            f"A build counts from nothing but bases and cache mounts; the faster of {ROUNDS} in turns. Sizes are of the layers."
        )
    return "\n".join(lines) + ("\n" if lines else "")


def _rows(each: Measured) -> list[tuple[str, str, str, str]]:
    before, after = each.before, each.after
    rows = [("", "before", "after", "")]
    for name in ("unpacked", "pull", "waste", "shown"):
        one, other = getattr(before.sizes, name), getattr(after.sizes, name)
        rows.append(("to pull" if name == "pull" else name, megabytes(one), megabytes(other), _change(one, other)))
    for name, one, other in (
        ("build", before.seconds, after.seconds),
        ("build again", before.again, after.again),
    ):
        rows.append((name, duration(one), duration(other), _change(one, other)))
    return rows


def _change(before: float, after: float) -> str:
    if not before:
        return ""
    return "the same" if abs(after - before) < 0.005 * before else f"{(after - before) / before:+.1%}"


def measured_data(every: Sequence[Measured]) -> list[dict[str, object]]:
    """Return the same for a document."""
    return [
        {
            "file": each.file,
            "fixed": each.fixed,
            "engine": each.engine,
            "before": _figures(each.before),
            "after": _figures(each.after),
        }
        for each in every
    ]


def _figures(figures: Figures) -> dict[str, object]:
    sizes = figures.sizes
    return {
        "sizes": {name: getattr(sizes, name) for name in ("pull", "unpacked", "rootfs", "waste", "shown")},
        "seconds": round(figures.seconds, 3),
        "again": round(figures.again, 3),
        "steps": [{"name": step.name, "seconds": step.seconds, "cached": step.cached} for step in figures.steps],
    }
