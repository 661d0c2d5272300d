"""Comments that silence findings: ours with a reason, hadolint's, and BuildKit's directive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from tare.dockerfile.parse.document import Dockerfile
from tare.dockerfile.parse.lines import Comment
from tare.dockerfile.parse.source import Span

_ours = re.compile(r"#\s*tare:\s*(ignore|ignore-file)\s*\[([^\]]*)\]\s*(?:because\b|:|-)?\s*(.*)", re.IGNORECASE)
_hadolint = re.compile(r"#\s*hadolint\s+(global\s+)?ignore\s*=\s*([A-Z0-9,\s]+?)\s*(?:#.*)?", re.IGNORECASE)
_EVERYWHERE: Final = (1, 1 << 30)


class Ignore(msgspec.Struct, frozen=True, kw_only=True):
    """A comment that silences codes on some lines."""

    codes: tuple[str, ...]
    reason: str
    span: Span
    lines: tuple[int, int]
    """The first and the last line that it is for."""

    ours: bool
    """Whether it is written for tare, so that it has to be of use."""

    def covers(self, code: str, line: int) -> bool:
        """Return whether it silences *code* at *line*."""
        return self.lines[0] <= line <= self.lines[1] and any(
            code == each or code.startswith(each) for each in self.codes
        )


def ignores(
    file: Dockerfile, replaced: dict[str, tuple[str, ...]], checks: dict[str, tuple[str, ...]]
) -> Iterator[Ignore]:
    """Yield the ignores of *file*. *replaced* are our codes by hadolint's, *checks* codes by BuildKit's name of a check."""
    starts = _ranges(file)
    for comment in file.comments:
        ours, theirs = _ours.fullmatch(comment.text), _hadolint.fullmatch(comment.text)
        if ours:
            whole = ours[1].lower() == "ignore-file"
            lines = _EVERYWHERE if whole else _lines(file, comment, starts)
            yield Ignore(codes=_codes(ours[2]), reason=ours[3].strip(), span=comment.span, lines=lines, ours=True)
        elif theirs:
            codes = [code for each in _codes(theirs[2]) for code in (each, *replaced.get(each, ()))]
            lines = _EVERYWHERE if theirs[1] else _lines(file, comment, starts)
            yield Ignore(codes=tuple(codes), reason="hadolint's own", span=comment.span, lines=lines, ours=False)
    for directive in file.directives:
        if directive.name == "check":
            yield from _check(directive.value, directive.span, checks)


def _check(value: str, span: Span, checks: dict[str, tuple[str, ...]]) -> Iterator[Ignore]:
    """Read `skip=A,B;error=true`, or `skip=all`."""
    for part in value.split(";"):
        name, _, names = part.partition("=")
        if name.strip().lower() != "skip":
            continue
        wanted = {each.strip().lower() for each in names.split(",")}
        codes = [
            code for check, found in checks.items() for code in found if "all" in wanted or check.lower() in wanted
        ]
        if codes:
            yield Ignore(codes=tuple(codes), reason="BuildKit's own", span=span, lines=_EVERYWHERE, ours=False)


def _codes(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code.upper() for code in re.split(r"[,\s]+", text) if code))


def _ranges(file: Dockerfile) -> list[tuple[int, int, int, int]]:
    """Return the offsets and lines of each instruction."""
    place = file.source.place
    return [
        (
            each.span.start,
            each.span.end,
            place(each.span.start).line,
            place(max(each.span.start, each.span.end - 1)).line,
        )
        for each in file.instructions
    ]


def _lines(file: Dockerfile, comment: Comment, ranges: list[tuple[int, int, int, int]]) -> tuple[int, int]:
    """Return the lines of the instruction that a comment stands in, or before."""
    from bisect import bisect_right

    at = bisect_right(ranges, (comment.span.start, 1 << 60, 0, 0))
    if comment.inside and at:
        return ranges[at - 1][2], ranges[at - 1][3]
    if at < len(ranges):
        return ranges[at][2], ranges[at][3]
    line = file.source.place(comment.span.start).line
    return line, line


def silenced(ignores: Iterable[Ignore], code: str, line: int) -> list[Ignore]:
    """Return the ignores that silence *code* at *line*."""
    return [each for each in ignores if each.covers(code, line)]
