"""Checking a Dockerfile: the language, our rules, hadolint's, and what the file itself ignores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import msgspec

from tare.dockerfile.beside import Beside
from tare.dockerfile.finding import Cost, Finding, Fix, order
from tare.dockerfile.hadolint import Hadolint, checks, replaced
from tare.dockerfile.ignoring import Ignore, ignores, silenced
from tare.dockerfile.model.stages import build_model
from tare.dockerfile.parse.document import Dockerfile
from tare.dockerfile.parse.parse import parse
from tare.dockerfile.parse.problems import Problem
from tare.dockerfile.parse.source import Source, Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, Rule, about, rules
from tare.dockerfile.settings import Settings

_OF_IGNORES = ("TP901", "TP902")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one file."""

    source: Source
    findings: tuple[Finding, ...]
    """As they stand in the file."""

    ignored: int
    """How many the file itself silences."""

    notes: tuple[str, ...]


def lint(
    source: Source,
    *,
    beside: Beside,
    today: dt.date,
    settings: Settings,
    hadolint: Hadolint | None = None,
) -> Result:
    """Check *source*."""
    file = parse(source)
    context = Context(file, build_model(file), beside, today)
    context.ignores = tuple(ignores(file, replaced(), checks())) if _may_ignore(file) else ()
    every = rules()
    found = [
        *_problems(file),
        *_hits([rule for code, rule in every.items() if code not in _OF_IGNORES], context, settings),
    ]
    notes = list(beside.notes)
    if hadolint is not None:
        others, more = hadolint.check(file, found)
        found += others
        notes += more
    kept, used = _not_silenced(found, context.ignores)
    context.ignores, context.unused = _of_ours(context.ignores, used, with_hadolint=hadolint is not None)
    ignored = len(found) - len(kept)
    kept += _hits([every[code] for code in _OF_IGNORES], context, settings)
    wanted = _wanted(kept, settings, source.name)
    return Result(
        source=source,
        findings=tuple(sorted(wanted, key=order)),
        ignored=ignored,
        notes=tuple(dict.fromkeys(notes)),
    )


def _may_ignore(file: Dockerfile) -> bool:
    return bool(file.directives) or any("ignore" in comment.text for comment in file.comments)


def _hits(every: Iterable[Rule], context: Context, settings: Settings) -> list[Finding]:
    return [
        _finding(rule.code, hit, context)
        for rule in every
        if settings.wants(rule.code, default=rule.default) or context.ignores  # what a comment silences has to be known
        for hit in rule.check(context)
    ]


def _finding(code: str, hit: Hit, context: Context) -> Finding:
    known = about(code)
    fix = Fix(title=hit.title, edits=hit.edits) if hit.edits and not context.file.source.lossy else None
    cost = hit.cost or (known.cost if hit.costs else None)
    return _placed(context.file, hit.span, code, hit.message, fix=fix, cost=cost)


def _problems(file: Dockerfile) -> Iterator[Finding]:
    for problem in file.problems:
        yield _placed(file, problem.span, problem.code, _message(problem), fix=_repair(problem, file))


def _message(problem: Problem) -> str:
    return f"{problem.message}; `{problem.suggestion}` is meant" if problem.suggestion else problem.message


def _repair(problem: Problem, file: Dockerfile) -> Fix | None:
    if not problem.edits or file.source.lossy:
        return None
    titles = {"D001": "write it so", "D014": "move the comment above the line"}
    title = f"write `{problem.suggestion}`" if problem.suggestion else titles.get(problem.code, "repair it")
    if problem.code == "D001" and not problem.suggestion:
        title = "continue the line before"
    return Fix(title=title, edits=problem.edits)


def _placed(
    file: Dockerfile, span: Span, code: str, message: str, *, fix: Fix | None, cost: Cost | None = None
) -> Finding:
    start, end = file.source.place(span.start), file.source.place(span.end)
    return Finding(
        code=code, severity=about(code).severity, file=file.source.name, line=start.line, column=start.column,
        end_line=end.line, end_column=end.column, message=message, fix=fix, cost=cost,
    )  # fmt: skip


def _not_silenced(found: list[Finding], every: tuple[Ignore, ...]) -> tuple[list[Finding], set[tuple[Ignore, str]]]:
    """Return what no comment silences, and the comments that silenced something, each with the code as it is written."""
    kept, used = [], set()
    for finding in found:
        by = silenced(every, finding.code, finding.line)
        if not by:
            kept.append(finding)
        used |= {(each, code) for each in by for code in each.codes if finding.code.startswith(code)}
    return kept, used


def _of_ours(
    every: tuple[Ignore, ...], used: set[tuple[Ignore, str]], *, with_hadolint: bool
) -> tuple[tuple[Ignore, ...], tuple[tuple[Ignore, str], ...]]:
    ours = tuple(each for each in every if each.ours)
    unused = [
        (each, code)
        for each in ours
        for code in each.codes
        if (each, code) not in used and (with_hadolint or not code.startswith(("DL", "SC")))
    ]
    return ours, tuple(unused)


def _wanted(found: Iterable[Finding], settings: Settings, file: str) -> Iterator[Finding]:
    elsewhere = settings.ignored_in(file)
    default = {code: rule.default for code, rule in rules().items()}
    for finding in found:
        if not settings.wants(finding.code, default=default.get(finding.code, True)):
            continue
        if any(finding.code.startswith(code) for code in elsewhere):
            continue
        severity = settings.severity_of(finding.code, finding.severity)
        yield finding if severity == finding.severity else msgspec.structs.replace(finding, severity=severity)
