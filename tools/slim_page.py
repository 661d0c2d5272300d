"""Write the rules of docs/slim.md from their data."""

from __future__ import annotations

from pathlib import Path

from tare.plan.slim import table
from tare.report.slim import with_rules

if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "docs" / "slim.md"
    path.write_text(with_rules(path.read_text(encoding="utf-8"), table()), encoding="utf-8")
