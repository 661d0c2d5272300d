"""The page of the rules is what their data says."""

from __future__ import annotations

from pathlib import Path

from tare.dockerfile.rules.registry import about, codes
from tare.report.rules import rules_page

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_page_is_made_of_the_data() -> None:
    """`python tools/rules_page.py` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == rules_page([about(code) for code in codes()])


def test_every_rule_is_on_the_page() -> None:
    headings = [
        line.removeprefix("### ") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("### ")
    ]

    assert sorted(headings) == list(codes())
