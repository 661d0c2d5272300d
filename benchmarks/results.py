"""What was measured, as rows, and the page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from harness import Ratio


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure beside its goal."""

    what: str
    figure: str
    goal: str = ""
    met: bool | None = None
    """Whether the goal is reached; None where there is none, or nothing was measured."""

    @property
    def verdict(self) -> str:
        return "" if self.met is None else "yes" if self.met else "**no**"


@dataclass(kw_only=True)
class Section:
    """One benchmark: its rows, and what has to be known to read them."""

    title: str
    about: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    raw: dict[str, list[float]] = field(default_factory=dict)
    """What each case took, round by round; in seconds or bytes."""

    def add(self, what: str, figure: str, goal: str = "", met: bool | None = None) -> None:  # noqa: FBT001  # a column
        self.rows.append(Row(what=what, figure=figure, goal=goal, met=met))

    def missing(self, what: str, why: str, goal: str = "") -> None:
        """Add a row that says plainly why there is no figure."""
        self.rows.append(Row(what=what, figure=f"not measured: {why}", goal=goal))

    def noise(self, ratio: Ratio) -> None:
        """Add what the A/A control says."""
        self.rows.append(Row(what="noise: the same thing twice", figure=f"{ratio}"))


def page(sections: Sequence[Section], *, preface: str) -> str:
    """Return all sections as Markdown."""
    parts = [preface, *map(text_of, sections)]
    return "\n\n".join(parts) + "\n"


def document(sections: Sequence[Section], **head: object) -> dict[str, object]:
    """Return all sections as what is kept for machines, with every figure of every round."""
    return {"schema": "tare-benchmarks/1", **head, "sections": [asdict(section) for section in sections]}


def text_of(section: Section) -> str:
    """Return one section as Markdown."""
    lines = [f"## {section.title}", "", section.about, "", "| what | measured | goal | reached |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.figure} | {row.goal} | {row.verdict} |" for row in section.rows]
    for note in section.notes:
        lines += ["", note]
    return "\n".join(lines)


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.1f} MB"
