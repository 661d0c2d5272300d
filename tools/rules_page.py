"""Write docs/rules.md from the data of the rules."""

from __future__ import annotations

from pathlib import Path

from tare.dockerfile.rules.registry import about, codes
from tare.report.rules import rules_page

if __name__ == "__main__":
    page = rules_page([about(code) for code in codes()])
    Path(__file__).resolve().parent.parent.joinpath("docs", "rules.md").write_text(page, encoding="utf-8")
