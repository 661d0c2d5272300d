"""What the post's sequel of November 2024 published, and what `cpu.py` measured of the same and of what it left out.

`post.py` puts it into POST.md; nothing is measured here.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TITLE = "## The sequel"
CANDIDATES = {
    "slim": "slim replica", "full": "full replica", "alpine": "alpine replica", "deb": "tare on deb:trixie",
}  # fmt: skip
PUBLISHED = (
    ("k-means, 1,000,000 samples, 3 clusters, Python 3.12", "5.50 s", "4.72 s", "learning: k-means, 3 clusters"),
    ("k-means, 1,000,000 samples, 5 clusters, Python 3.12", "4.81 s", "4.90 s", "learning: k-means, 5 clusters"),
    ("k-means, 5,000,000 samples, 3 clusters, Python 3.12", "11.90 s", "10.37 s", None),
    ("k-means, 5,000,000 samples, 5 clusters, Python 3.12", "12.71 s", "12.18 s", None),
    ("random forest, 1 tree, Python 3.12", "1.89 s", "1.96 s", None),
    ("random forest, 10 trees, Python 3.12", "6.04 s", "6.00 s", None),
    ("random forest, 100 trees, Python 3.12", "47.06 s", "47.24 s", None),
    ("random forest, 1 tree, Python 3.13", "2.43 s", "2.38 s", "learning: random forest, 1 tree"),
    ("random forest, 10 trees, Python 3.13", "6.23 s", "6.44 s", "learning: random forest, 10 trees"),
    ("random forest, 100 trees, Python 3.13", "48.78 s", "49.66 s", "learning: random forest, 100 trees"),
)
"""What, on alpine and on slim, and our case of the same kind, with Python 3.13. Published on 2024-11-24 in the third part of
the series, in the author's repository of his blog (`s3ich4n/s3ich4n.github.io`, `content/devlog/python`)."""
LEFT_OUT = (
    "sum of v1 by id1, id2", "sum of v1, mean of v3 by id3", "median, deviation by id4, id5", "sort", "join",
    "rolling mean", "read CSV, C parser", "read Parquet", "strings", "histogram", "hexagons", "line, as SVG",
    "threads that allocate",
)  # fmt: skip
"""Of `frames`: pandas and matplotlib, which the post had announced and the sequel replaced."""

ABOUT = """\
In November 2024 (24th, corrected on the 25th) the post's author published the comparison that the post had announced, and called it
incomplete: the third part of the series, in the repository of the blog, `s3ich4n/s3ich4n.github.io`. Its figures are in the columns
*2024*: slim is bookworm's, on a laptop that ran images of another processor, each task once. Its k-means did not run on alpine with
Python 3.13.

| announced in October 2024 | in the sequel | here |
|---|---|---|
| 100 million rows | 100 thousand | 10⁸: [ROWS.md](ROWS.md), [CPU.md](CPU.md) |
| an API service | struck out | FastAPI on uvicorn and PostgreSQL: [ROWS.md](ROWS.md) |
| query tests | headings without figures | seven, with the server's time apart: [ROWS.md](ROWS.md) |
| a load test | struck out | closed and open loop: [ROWS.md](ROWS.md) |
| very large data with pandas | replaced by k-means and a random forest | `frames`: below and in [CPU.md](CPU.md) |
| plots with matplotlib | replaced, too | `frames`: below and in [CPU.md](CPU.md) |
"""

REMARKS = """\
The sequel's data are not the same as ours, so seconds of 2024 and of today are not to be compared; the *ratio* of two images is.
Nearly all of k-means and of a forest is compiled code that is alike in both images, so neither table can show how the
interpreter was built: the loops of `cpu` in [CPU.md](CPU.md) do. scikit-learn has no wheel for musl: on alpine it would have to
be compiled, with compilers from a mirror that is not reached here, so those cells have no figure.
"""


def section(here: Path) -> str:
    """Return the section, from the CPU.json in *here*; what it does not have is not measured."""
    path = here / "CPU.json"
    parts = json.loads(path.read_text("utf-8")) if path.exists() else {}
    learned, frames = parts.get("learning"), parts.get("standard")
    heads = ["", "alpine, 2024", "slim, 2024", *CANDIDATES.values()]
    tables = [_table(heads, _published(learned))]
    if frames:
        tables.append("What it left out, `frames` with 10⁷ rows:\n")
        tables.append(_table(["", *CANDIDATES.values()], _left_out(frames)))
    said = "" if learned else "k-means and forests were not measured with this version yet.\n"
    return "\n".join([f"{TITLE}\n", ABOUT, *tables, *([said] if said else []), REMARKS])


def _published(document: dict[str, Any] | None) -> Iterator[list[str]]:
    for what, alpine, slim, case in PUBLISHED:
        yield [what, alpine, slim, *(_median(document, name, case) for name in CANDIDATES)]


def _left_out(document: dict[str, Any]) -> Iterator[list[str]]:
    for name in LEFT_OUT:
        yield [name, *(_median(document, each, f"frames: {name}") for each in CANDIDATES)]


def _median(document: dict[str, Any] | None, candidate: str, case: str | None) -> str:
    """Return the median of a case's rounds, or the reason why there is none."""
    found = [
        each for each in (document or {}).get("samples", ()) if each["candidate"] == candidate and each["case"] == case
    ]
    values = [each["value"] for each in found if each.get("status", "ok") == "ok" and each.get("value") is not None]
    if values:
        seconds = statistics.median(values)
        return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
    return found[0].get("status", "–") if found else "–"


def _table(heads: list[str], rows: Iterator[list[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])
