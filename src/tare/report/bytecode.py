"""What came of `--bytecode`, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence

from tare.flow.build.bytecode.result import Bytecode
from tare.projects.bytecode import told
from tare.report.text import duration, megabytes

_SHOWN = 3
"""Modules that are named; the document has all."""


def bytecode_lines(made: Bytecode) -> list[str]:
    """Return a line on what there is and what it gains, and one for each kind of module that was left out."""
    start = made.start
    gained = (
        f"start {duration(start.before)} -> {duration(start.after)} (measured in {start.engine}, {start.runs} runs)"
    )
    lines = [f"bytecode: {_modules(made.modules)}, {megabytes(made.size)}, {gained}"]
    if made.there:
        lines.append(f"bytecode: the base has that of {_modules(made.there)} already")
    if made.beyond:
        lines.append(f"bytecode: {_modules(made.beyond)} left out, since the budget has no room for more")
    if made.unequal:
        lines.append(f"bytecode: left out, since compiling twice gives two results: {_paths(made.unequal)}")
    if made.broken:
        lines.append(f"bytecode: left out, since the interpreter cannot compile it: {_paths(made.broken)}")
    return lines


def _modules(count: int) -> str:
    return f"{count} module{'' if count == 1 else 's'}"


def _paths(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(f"/{path}" for path in paths[:_SHOWN]) + more


def bytecode_json(made: Bytecode) -> dict[str, object]:
    """Return the member `bytecode` of the document of a build."""
    start = made.start
    return {
        "wish": told(made.wish),
        "modules": made.modules,
        "unpacked": made.size,
        "there": made.there,
        "beyond": made.beyond,
        "unequal": [f"/{path}" for path in made.unequal],
        "broken": [f"/{path}" for path in made.broken],
        "start": {"before": start.before, "after": start.after, "runs": start.runs, "engine": start.engine},
    }
