"""`docs/weigh.md` says of every code what the data says."""

from __future__ import annotations

from pathlib import Path

from tare.measure.findings import table
from tare.report.findings import with_findings


def test_the_page_has_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "weigh.md").read_text(encoding="utf-8")

    assert with_findings(page, table()) == page
