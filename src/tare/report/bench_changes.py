"""What `tare bench compare` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tare.bench.gate import Change
from tare.report.bench_cells import interval
from tare.report.text import table

SCHEMA: Final = "tare.bench-compare/1"


def changes_text(changes: Sequence[Change], failed: Sequence[Change]) -> str:
    """Return a line for each case, and whether the gate holds."""
    if not changes:
        return "nothing to compare\n"
    rows = [
        (
            "FAIL" if each in failed else "",
            each.workload,
            each.case,
            f"{each.candidate} beside {each.beside}",
            interval(each.comparison) if each.comparison.rounds else "",
            _words(each),
        )
        for each in changes
    ]
    return table(rows) + "\n"


def _words(change: Change) -> str:
    if change.comparison.rounds:
        return change.comparison.words
    word = change.comparison.words if change.status == "ok" else change.status
    return f"{word}: {change.note}" if change.note else word


def changes_json(changes: Sequence[Change], failed: Sequence[Change]) -> str:
    """Return the document `tare.bench-compare/1`."""
    document = {"schema": SCHEMA, "ok": not failed, "changes": changes, "failed": failed}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
