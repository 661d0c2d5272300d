"""What `tare lint` says: for people, for machines (`docs/json.md`), and as annotations of GitHub."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tare.dockerfile.finding import Cost, Finding, Fix
from tare.dockerfile.lint import Result
from tare.dockerfile.parse.source import Edit, Source
from tare.dockerfile.rules.registry import About
from tare.report.text import duration, megabytes

SCHEMA = "tare.lint/1"

_WIDEST = 120
"""Characters of a line of the file that are shown."""


def lint_text(results: Sequence[Result], *, fixed: int = 0) -> str:
    """Return each finding with the line that it is about, and how many there are."""
    lines: list[str] = []
    for result in results:
        for finding in result.findings:
            lines += [*_finding_lines(finding, result.source), ""]
    count = sum(len(result.findings) for result in results)
    return "\n".join((*lines, _summary(results, count, fixed))) + "\n"


def _finding_lines(finding: Finding, source: Source) -> list[str]:
    lines = [f"{finding.file}:{finding.line}:{finding.column}: {finding.severity} {finding.code}: {finding.message}"]
    shown, marks = _excerpt(finding, source)
    if shown.strip():
        number = str(finding.line)
        lines += [f"  {number} | {shown}", f"  {' ' * len(number)} | {marks}"]
    if finding.cost is not None:
        lines.append(f"    cost: {cost_text(finding.cost)}")
    if finding.fix is not None:
        lines.append(f"    fix: {finding.fix.title}")
    return lines


def _excerpt(finding: Finding, source: Source) -> tuple[str, str]:
    """Return the line, and what underlines the place in it; tabs and what is wide keep their width."""
    line = source.line(finding.line)
    start = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line)
    shift = max(0, min(start - 20, len(line) - _WIDEST))
    shown = "".join(
        character if character.isprintable() or character == "\t" else "�"
        for character in line[shift : shift + _WIDEST]
    )
    before = "".join(_blank(character) for character in shown[: start - shift])
    width = sum(len(_blank(character)) for character in shown[start - shift : max(start + 1, end) - shift])
    return shown, before + "^" * max(1, width)


def _blank(character: str) -> str:
    if character == "\t":
        return "\t"
    if character.isascii():
        return " "
    import unicodedata

    return "  " if unicodedata.east_asian_width(character) in {"W", "F"} else " "


def cost_text(cost: Cost) -> str:
    """Return a cost with what it was measured on."""
    sizes = [megabytes(cost.bytes)] if cost.bytes is not None else []
    times = [duration(cost.seconds)] if cost.seconds is not None else []
    return f"about {' and '.join((*sizes, *times))} ({cost.what}; {cost.source})"


def _summary(results: Sequence[Result], count: int, fixed: int) -> str:
    files = f"{len(results)} file{'s' if len(results) != 1 else ''}"
    can = sum(finding.fix is not None for result in results for finding in result.findings)
    ignored = sum(result.ignored for result in results)
    parts = [f"{count} finding{'s' if count != 1 else ''} in {files}" if count else f"no findings in {files}"]
    if fixed:
        parts.append(f"{fixed} fixed")
    if can:
        parts.append(f"`--fix` repairs {can}")
    if ignored:
        parts.append(f"{ignored} ignored")
    return "; ".join(parts)


def diff_text(source: Source, new: str) -> str:
    """Return what a fix changes, as a unified diff."""
    import difflib

    old_lines, new_lines = source.text.splitlines(keepends=True), new.splitlines(keepends=True)
    lines = difflib.unified_diff(old_lines, new_lines, f"a/{source.name}", f"b/{source.name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def lint_json(results: Sequence[Result], *, fixed: int = 0, measured: list[dict[str, object]] | None = None) -> str:
    """Return the document."""
    document = {
        "schema": SCHEMA,
        "files": [result.source.name for result in results],
        "findings": [_finding(finding, result.source) for result in results for finding in result.findings],
        "fixed": fixed,
        "measured": measured,
        "ignored": sum(result.ignored for result in results),
        "notes": list(dict.fromkeys(note for result in results for note in result.notes)),
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _finding(finding: Finding, source: Source) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "message": finding.message,
        "fix": fix_values(finding.fix, source),
        "cost": _cost(finding.cost),
        "tool": finding.tool,
    }


def fix_values(fix: Fix | None, source: Source) -> dict[str, object] | None:
    """Return a fix with its places as lines and columns."""
    if fix is None:
        return None
    return {"title": fix.title, "edits": [_edit(edit, source) for edit in fix.edits]}


def _edit(edit: Edit, source: Source) -> dict[str, object]:
    start, end = source.place(edit.start), source.place(edit.end)
    return {
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "text": edit.text,
    }


def _cost(cost: Cost | None) -> dict[str, object] | None:
    if cost is None:
        return None
    return {"bytes": cost.bytes, "seconds": cost.seconds, "what": cost.what, "source": cost.source}


_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}


def lint_github(results: Sequence[Result]) -> str:
    """Return a workflow command for each finding.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    return "".join(_command(finding) for result in results for finding in result.findings)


def _command(finding: Finding) -> str:
    properties = {
        "file": finding.file,
        "line": finding.line,
        "endLine": finding.end_line,
        "title": f"{finding.code}",
    }
    if finding.end_line == finding.line:
        properties |= {"col": finding.column, "endColumn": finding.end_column}
    shown = ",".join(f"{name}={_escaped(str(value), of_property=True)}" for name, value in properties.items())
    return f"::{_GITHUB[finding.severity]} {shown}::{_escaped(finding.message, of_property=False)}\n"


def _escaped(text: str, *, of_property: bool) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if of_property else text


def explanation(about: About) -> str:
    """Return what is known about a rule, as `--explain` shows it."""
    lines = [f"{about.code}: {about.title}", ""]
    facts = [about.severity, "off unless selected" if not about.default else "", "with a fix" if about.fixable else ""]
    lines.append(", ".join(fact for fact in facts if fact))
    if about.needs:
        lines.append(f"needs {about.needs}")
    lines += ["", *_paragraph(about.why), ""]
    if about.cost is not None:
        lines += [f"cost: {cost_text(about.cost)}", ""]
    for title, example in (("bad", about.bad), ("good", about.good)):
        lines += [f"{title}:", *(f"    {line}".rstrip() for line in example.dockerfile.strip("\n").splitlines()), ""]
    lines += [f"see: {source.title}, {source.url} (read on {source.date})" for source in about.sources]
    return "\n".join(lines) + "\n"


def _paragraph(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(" ".join(text.split()), 100, break_long_words=False, break_on_hyphens=False)


def rules_text(every: Sequence[About]) -> str:
    """Return a line for each rule."""
    width = max(len(about.code) for about in every)
    return "".join(f"{about.code:<{width}}  {about.severity:<7}  {about.title}\n" for about in every)
