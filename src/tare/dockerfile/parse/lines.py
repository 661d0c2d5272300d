"""From physical lines to logical ones: comments and directives taken out, continuations joined."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from tare.dockerfile.parse.grammar import INSTRUCTIONS
from tare.dockerfile.parse.problems import Problems
from tare.dockerfile.parse.source import Edit, Source, Span

_directive = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*?)\s*", re.ASCII)
_KNOWN: Final = ("syntax", "escape", "check")

SPACES: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
    "\u202f\u205f\u3000"
)
"""What Go's `unicode.IsSpace` accepts, which is not what Python's `str.isspace` does."""


class Directive(NamedTuple):
    """A parser directive, such as `# syntax=docker/dockerfile:1`."""

    name: str
    """In lower case."""

    value: str
    span: Span


class Comment(NamedTuple):
    """A line that is a comment, also one among continued lines."""

    text: str
    """From its `#` on, without the line's end."""

    span: Span
    inside: bool
    """Whether it stands among the lines of an instruction."""


class Logical:
    """The text of an instruction without continuations and comments, and where each character of it comes from."""

    def __init__(self, parts: list[tuple[str, int]], end: int) -> None:
        self._parts = parts
        self.text = "".join(text for text, _ in parts)
        self._joined: list[int] = []
        self._source: list[int] = []
        at = 0
        for text, offset in parts:
            self._joined.append(at)
            self._source.append(offset)
            at += len(text)
        self.end = end
        """The offset in the file behind the last of its lines, without that line's end."""

    @property
    def start(self) -> int:
        """The offset of its first character in the file."""
        return self._source[0]

    def at(self, index: int) -> int:
        """Return the offset in the file of the character at *index*."""
        part = max(0, bisect_right(self._joined, index) - 1)
        return self._source[part] + index - self._joined[part]

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from *start* to *end* stand in the file."""
        first = self.at(start)
        return Span(first, self.at(end - 1) + 1) if end > start else Span(first, first)

    def without_rest(self, index: int) -> tuple[Logical, Span]:
        """Return the line without what stands from *index* to the end of that line in the file, and where that is."""
        number = max(0, bisect_right(self._joined, index) - 1)
        text, offset = self._parts[number]
        inside = index - self._joined[number]
        parts = list(self._parts)
        parts[number] = (text[:inside] if number + 1 == len(parts) else text[:inside] + " ", offset)
        return Logical(parts, self.end), Span(offset + inside, offset + len(text))


class Reader:
    """Reads logical lines, and the heredocs that follow them."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source = source
        self.problems = problems
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.comments: list[Comment] = []
        self.empty_continuations: list[int] = []
        """Offsets of blank lines among continued ones."""

        self._at = 0
        self._lines: dict[str, int] = {}
        self._may_be_directive = True
        self._continues = _continuation("\\")

    def lines(self) -> Iterator[Logical]:
        """Yield the logical lines. Between two of them, `heredoc` takes the lines that belong to the one before."""
        while self._at < len(self.source.text):
            text, offset = self._next()
            stripped = text.lstrip(SPACES)
            offset += len(text) - len(stripped)
            self._directive(stripped, offset)
            if stripped.startswith("#"):
                self.comments.append(Comment(stripped, Span(offset, offset + len(stripped)), inside=False))
            elif stripped:
                yield self._joined(stripped, offset)

    def _joined(self, text: str, offset: int) -> Logical:
        text, more = self._cut(text, offset)
        parts, end = [(text, offset)], offset + len(text)
        while more and self._at < len(self.source.text):
            text, offset = self._next()
            stripped = text.lstrip(SPACES)
            end = offset + len(text)
            if stripped.startswith("#"):
                start = end - len(stripped)
                self.comments.append(Comment(stripped, Span(start, end), inside=True))
            elif not stripped:
                self.empty_continuations.append(offset)
            else:
                text, more = self._cut(text, offset)
                parts.append((text, offset))
        return Logical(parts, max(end, parts[-1][1] + len(parts[-1][0])))

    def heredoc(self, name: str, *, tabs: bool) -> tuple[Span, str, Span] | None:
        """Take the lines up to *name* on a line of its own: their span, their text, and the terminator's span."""
        start = self._at
        if self._last(name) < start:
            return None  # what would be taken for content may be instructions, after a misspelt terminator
        while self._at < len(self.source.text):
            text, offset = self._next()
            if (text.lstrip("\t") if tabs else text) == name:
                return Span(start, offset), self.source.text[start:offset], Span(offset, offset + len(text))
        self._at = start
        return None

    def _last(self, name: str) -> int:
        """Return where *name* stands last on a line of its own: no heredoc without an end is read twice."""
        if not self._lines:
            at = 0
            for line in self.source.text.split("\n"):
                self._lines[line.rstrip("\r").lstrip("\t")] = at
                at += len(line) + 1
        return self._lines.get(name.lstrip("\t"), -1)

    def _next(self) -> tuple[str, int]:
        """Return the next line without its end, and its offset."""
        start = self._at
        end = self.source.text.find("\n", start)
        self._at = len(self.source.text) if end < 0 else end + 1
        return self.source.text[start : self._at].rstrip("\r\n"), start

    def _cut(self, text: str, offset: int) -> tuple[str, bool]:
        """Return *text* without a continuation at its end, and whether there was one."""
        found = self._continues.search(text)
        if found:
            return text[: found.start(1)], True
        at = text.find("#")
        before = self._continues.search(text[:at].rstrip(" \t")) if at > 0 and text[at - 1] in " \t" else None
        if before is None or not self._goes_on():
            return text, False
        span = Span(offset + at, offset + len(text))
        message = "a comment stands behind a continuation, which is none then"
        self.problems.add("D014", span, message, edits=self.moved(span))
        return text[: before.start(1)], True

    def _goes_on(self) -> bool:
        """Return whether the next line that says something is no instruction, so that this one is meant to go on."""
        at = self._at
        try:
            while self._at < len(self.source.text):
                text = self._next()[0].strip(SPACES)
                if text and not text.startswith("#"):
                    return text.split(None, 1)[0].upper() not in INSTRUCTIONS
            return False
        finally:
            self._at = at

    def moved(self, comment: Span) -> tuple[Edit, ...]:
        """Return what moves a comment from the end of a line to a line of its own, above it."""
        text = self.source.text
        start = text.rfind("\n", 0, comment.start) + 1
        line = text[start : comment.start]
        if start == 0 and _directive.fullmatch(text[comment.start : comment.end]):
            return ()  # it would become a directive there
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        end = "\r\n" if text.startswith("\r\n", comment.end) else "\n"
        return (
            Edit(start=start, end=start, text=f"{indent}{text[comment.start : comment.end]}{end}"),
            Edit(start=start + len(line.rstrip(" \t")), end=comment.end, text=""),
        )

    def _directive(self, text: str, offset: int) -> None:
        if not self._may_be_directive:
            return
        match = _directive.fullmatch(text)
        name = match[1].lower() if match else ""
        if match is None or name not in _KNOWN:
            self._may_be_directive = False
            return
        span = Span(offset, offset + len(text))
        if any(each.name == name for each in self.directives):
            self.problems.add("D008", span, f"the directive `{name}` is given twice")
        elif name == "escape" and match[2] not in {"\\", "`"}:
            self.problems.add("D008", span, f"`{match[2]}` cannot be the escape character; it is `\\` or `` ` ``")
        elif name == "escape":
            self.escape = match[2]
            self._continues = _continuation(match[2])
        self.directives.append(Directive(name, match[2], span))


def _continuation(escape: str) -> re.Pattern[str]:
    """Return what ends a line that goes on: one escape character, which is not itself escaped, and blanks."""
    character = re.escape(escape)
    return re.compile(rf"(?:(?<=[^{character}])|^)({character}[ \t]*)$")
