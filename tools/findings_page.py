"""Write the codes of docs/weigh.md from the data of the findings."""

from __future__ import annotations

from pathlib import Path

from tare.measure.findings import table
from tare.report.findings import with_findings

if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "docs" / "weigh.md"
    path.write_text(with_findings(path.read_text(encoding="utf-8"), table()), encoding="utf-8")
