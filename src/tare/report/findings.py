"""The part of `docs/weigh.md` that is made from `measure/findings.toml`; `tests/measure/test_page.py` holds it to the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tare.measure.findings import About

START: Final = "<!-- made from src/tare/measure/findings.toml by tools/findings_page.py -->\n"
END: Final = "<!-- end -->\n"


def findings_page(rows: Sequence[About]) -> str:
    """Return the table of all codes, and what is known of each."""
    lines = ["| code | | safety |", "|---|---|---|"]
    lines += [f"| [{row.code}](#{row.code.lower()}) | {row.title} | {row.safety} |" for row in rows]
    for row in rows:
        lines += ["", f"### {row.code}", "", f"**{row.title}.** {row.why}", "", f"Fix ({row.safety}): {row.fix}."]
        lines += ["", f"Source: {row.source} ({row.date})."]
    return "\n".join(lines) + "\n"


def with_findings(page: str, rows: Sequence[About]) -> str:
    """Return *page* with what stands between its two marks made anew."""
    before, _, rest = page.partition(START)
    return f"{before}{START}\n{findings_page(rows)}\n{END}{rest.partition(END)[2]}"
