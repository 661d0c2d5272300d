"""`docs/slim.md` has the rules as they are."""

from __future__ import annotations

from pathlib import Path

from tare.plan.slim import table
from tare.report.slim import with_rules

PAGE = Path(__file__).parents[2] / "docs" / "slim.md"


def test_the_page_has_the_rules_as_the_table_has_them() -> None:
    """`python tools/slim_page.py` writes it anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert with_rules(page, table()) == page
