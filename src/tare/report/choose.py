"""A choice of base as people read it, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tare.plan.choice.candidate import Candidate
from tare.plan.choice.choice import Choice
from tare.report.text import counted, known_size, megabytes, shortened, table

_NAME: Final = 34


def choose_text(choice: Choice, *, width: int = 100) -> str:
    """Return the table, the one to take, and what keeps the project from others."""
    return "\n".join([_heading(choice), "", *_tables(choice.candidates, width), *_verdict(choice)]) + "\n"


def _heading(choice: Choice) -> str:
    platforms = ", ".join(dict.fromkeys(str(each.platform) for each in choice.candidates))
    count = max((len(each.distributions) for each in choice.candidates), default=0)
    bases = len({each.base for each in choice.candidates})
    what = f"{counted(count, 'distribution')} on " if count else ""
    return f"{choice.project or 'the project'}: {what}{counted(bases, 'base')} for {platforms}"


def _tables(candidates: Sequence[Candidate], width: int) -> list[str]:
    """Return a table for each platform, under its name where there are several."""
    platforms = list(dict.fromkeys(each.platform for each in candidates))
    lines = []
    for platform in platforms:
        lines += [f"{platform}:"] if len(platforms) > 1 else []
        lines += [_table([each for each in candidates if each.platform == platform], width), ""]
    return lines


def _table(candidates: Sequence[Candidate], width: int) -> str:
    head = ("", "base", "python", "libc", "pull", "unpacked", "packages", "")
    rows = [head, *map(_row, candidates)]
    first = len(head) - 4  # the sizes, and what follows them
    lines = table(rows, right=frozenset({0, *range(first, first + 3)})).splitlines()
    start = sum(max(len(row[column]) for row in rows) + 2 for column in range(first))
    for number, each in enumerate(candidates, 1):
        if not each.suitable:  # What has no sizes has all their room for the reason.
            lines[number] = lines[number].ljust(start)[:start] + _short(each)
    return "\n".join(shortened(line, width) for line in lines)


def _row(candidate: Candidate) -> tuple[str, ...]:
    python, libc = candidate.python or "", str(candidate.libc or "")
    if not candidate.suitable:
        return ("–", _name(candidate.base), python, libc, "", "", "", "")
    return (
        str(candidate.rank),
        _name(candidate.base),
        python,
        libc,
        known_size(candidate.pull),
        known_size(candidate.unpacked),
        known_size(candidate.site_packages.pull),
        _short(candidate),
    )


def _name(base: str) -> str:
    """Return a base's name, without the beginning of one that would take the room of everything else."""
    return base if len(base) <= _NAME else f"…{base[-_NAME + 1 :]}"


def _short(candidate: Candidate) -> str:
    """Return the one thing that is worth a word in the table."""
    bad = [each for each in candidate.distributions if each.kind == "impossible"]
    native = [each for each in candidate.distributions if each.kind == "sdist" and each.native]
    if bad or native:
        names = ", ".join(each.name for each in (*bad, *native)[:2])
        more = len(bad) + len(native) - 2
        return f"no wheel of {names}" + (f" and {more} more" if more > 0 else "")
    if candidate.missing_libraries:
        return f"lacks {', '.join(candidate.missing_libraries[:2])}"
    if not candidate.suitable:
        return candidate.obstacles[0].rstrip(".") if candidate.obstacles else ""
    words = []
    if candidate.work.sources:
        words.append(f"{len(candidate.work.sources)} built")
    if candidate.pgo is False:
        words.append("no PGO")
    return ", ".join(words)


def _verdict(choice: Choice) -> list[str]:
    lines = []
    if choice.best:
        lines += [f"Take {choice.recommended}:", *(f"  - {reason}" for reason in choice.reasons)]
        lines += _unbeaten(choice)
    else:
        lines += ["No base suits the project:", *_refusals(choice.candidates)]
    if choice.obstacles:
        lines += ["", *(f"{text}." for text in choice.obstacles)]
    if any(each.suitable and each.pull is None for each in choice.candidates):
        lines += ["", "? is unknown: the image could not be read."]
    if choice.fetched:
        fetched, whole = megabytes(choice.fetched), megabytes(choice.wheels)
        lines += ["", f"Of {whole} of wheels, {fetched} were fetched to look at them."]
    return lines


def _unbeaten(choice: Choice) -> list[str]:
    bases = (each.base for each in choice.candidates if each.pareto and each.base != choice.recommended)
    others = list(dict.fromkeys(bases))
    shown = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return ["", f"Unbeaten, too, in size, speed and trouble together: {shown}."] if others else []


def _refusals(candidates: Sequence[Candidate]) -> list[str]:
    """Return why no base suits, each reason once, with the bases that it is about."""
    bases: dict[str, list[str]] = {}
    for each in candidates:
        if not each.suitable:
            bases.setdefault(each.reasons[0] if each.reasons else "", []).append(each.base)
    lines = []
    for reason, names in bases.items():
        listed = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
        lines.append(f"  - {listed}: {reason}")
    return lines


def choose_markdown(choice: Choice, failed: Sequence[str] = ()) -> str:
    """Return a table for a pull request, with what a gate found."""
    lines = [
        f"### Base image: {f'`{choice.recommended}`' if choice.recommended else 'none suits'}",
        "",
        "| | base | platform | python | libc | pull | unpacked | packages | |",
        "|--:|---|---|---|---|--:|--:|--:|---|",
    ]
    for each in choice.candidates:
        rank, _, *cells = _row(each)
        row = (rank, f"`{each.base}`", str(each.platform), *cells[:-1], _short(each))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    if choice.reasons:
        lines += ["", *(f"- {reason}" for reason in choice.reasons)]
    lines += ["", *(f"{text}." for text in choice.obstacles)] if choice.obstacles else []
    lines += ["", *(f"- **failed**: {text}" for text in failed)] if failed else []
    return "\n".join(lines) + "\n"
