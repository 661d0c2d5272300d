"""Splitting an instruction into words, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.dockerfile.parse.lines import SPACES, Logical
from tare.dockerfile.parse.source import Span

BLANKS: Final = "\t\v\f\r "
"""What separates words where BuildKit splits by a regular expression."""

_blank = re.compile(f"[{BLANKS}]+")
_solid = re.compile(f"[^{BLANKS}]+")
_string = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A word of an instruction, as it is written but for continuations."""

    text: str
    """With its quotes and variables; of a JSON form the string itself."""

    span: Span

    index: int
    """Where it begins in the instruction's logical line."""


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """A flag such as `--mount=type=cache,target=/root/.cache/pip`."""

    name: str
    """Without its hyphens."""

    value: str | None
    """Without quotes; None without a `=`."""

    span: Span


def split_command(line: Logical) -> tuple[Word, int]:
    """Return an instruction's keyword, and where what follows it begins."""
    start = len(line.text) - len(line.text.lstrip(SPACES))
    text = line.text.rstrip(SPACES)
    match = _blank.search(text, start)
    end = match.start() if match else len(text)
    return word(line, start, end), match.end() if match else len(line.text)


def word(line: Logical, start: int, end: int) -> Word:
    """Return a part of *line* as a word."""
    return Word(text=line.text[start:end], span=line.span(start, end), index=start)


def by_blanks(line: Logical, start: int) -> tuple[Word, ...]:
    """Split by blanks, whatever is quoted: FROM, EXPOSE, and COPY, ADD and VOLUME in their plain form."""
    end = len(line.text.rstrip(SPACES))
    return tuple(word(line, match.start(), match.end()) for match in _solid.finditer(line.text, start, end))


def whole(line: Logical, start: int) -> tuple[Word, ...]:
    """Return all that follows as one word: RUN in its shell form, WORKDIR, USER."""
    end = len(line.text.rstrip(SPACES))
    return (word(line, start, end),) if start < end else ()


def by_quotes(line: Logical, start: int, escape: str) -> tuple[Word, ...]:
    """Split by blanks that are not quoted: ENV, LABEL, ARG. Quotes stay."""
    return tuple(word(line, first, last) for first, last in _quoted(line.text, start, escape))


def _quoted(text: str, start: int, escape: str) -> Iterator[tuple[int, int]]:  # noqa: C901 - a machine with three states
    end = len(text.rstrip(SPACES))
    at, first, quote = start, -1, ""
    while at < end:
        character = text[at]
        if first < 0:
            if character in SPACES:
                at += 1
                continue
            first = at
        if quote:
            if character == quote:
                quote = ""
            elif character == escape and quote != "'":
                at += 1
        elif character in SPACES:
            yield first, at
            first = -1
        elif character in "'\"":
            quote = character
        elif character == escape:
            at += 1
        at += 1
    if first >= 0:
        yield first, end


def flags(line: Logical, start: int, escape: str) -> tuple[tuple[Flag, ...], int]:
    """Return the flags at the beginning of what follows the keyword, and where the rest begins."""
    text, at = line.text, start
    found: list[Flag] = []
    while True:
        while at < len(text) and text[at] in SPACES:
            at += 1
        if not text.startswith("--", at):
            return tuple(found), at
        value, end = _flag(text, at, escape)
        if value == "--":
            return tuple(found), end
        name, equals, rest = value[2:].partition("=")
        found.append(Flag(name=name, value=rest if equals else None, span=line.span(at, end)))
        at = end


def _flag(text: str, at: int, escape: str) -> tuple[str, int]:
    """Return one flag without its quotes, and where it ends."""
    parts, quote = [], ""
    while at < len(text):
        character = text[at]
        if quote and character == quote:
            quote = ""
        elif not quote and character in SPACES:
            break
        elif not quote and character in "'\"":
            quote = character
        elif character == escape:
            at += 1
            parts.append(text[at : at + 1])
        else:
            parts.append(character)
        at += 1
    return "".join(parts), min(at, len(text))


class NotStrings(Exception):  # noqa: N818 - a part of the grammar, caught by its one caller
    """A JSON array has something else than strings."""


def json_form(line: Logical, start: int) -> tuple[Word, ...] | None:
    """Return the strings of a JSON array; None when it is none, and then BuildKit takes it for the shell form."""
    text = line.text[start:].strip(SPACES)
    if not text.startswith("["):
        return None
    try:
        values = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not all(isinstance(value, str) for value in values):
        raise NotStrings
    found = _string.finditer(line.text, start)
    return tuple(
        Word(text=value, span=line.span(match.start(), match.end()), index=match.start())
        for value, match in zip(values, found, strict=False)
    )
