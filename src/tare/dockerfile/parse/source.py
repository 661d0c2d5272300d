"""A file's text, and where in it something stands."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

import msgspec

BOM: Final = "\ufeff"


class Place(NamedTuple):
    """A position as people and editors count it: from 1, in characters."""

    line: int
    column: int


class Span(NamedTuple):
    """A part of the text: offsets in characters, the second one behind the last character."""

    start: int
    end: int


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """A replacement of a part of the text."""

    start: int
    end: int
    text: str


class Source:
    """A Dockerfile as text."""

    def __init__(self, text: str, name: str = "Dockerfile", *, lossy: bool = False, bom: bool = False) -> None:
        self.text = text
        """Without a byte order mark."""

        self.name = name
        """What messages call it."""

        self.lossy = lossy
        """Whether it was no UTF-8, so that it cannot be written back."""

        self.bom = bom
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def place(self, offset: int) -> Place:
        """Return the line and column of *offset*."""
        line = bisect_right(self._starts, max(0, offset))
        return Place(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """Return a line, counted from 1, without its end."""
        if not 1 <= number <= len(self._starts):
            return ""
        return self.text[self.start_of(number) : self.end_of(number)].rstrip("\r\n")

    def start_of(self, number: int) -> int:
        """Return the offset of a line, counted from 1."""
        return self._starts[number - 1]

    def end_of(self, number: int) -> int:
        """Return the offset behind a line and its end."""
        return self._starts[number] if number < len(self._starts) else len(self.text)


def decode(data: bytes, name: str = "Dockerfile") -> Source:
    """Return *data* as text. Bytes that are no UTF-8 are replaced, and the source says so."""
    try:
        text, lossy = data.decode("utf-8"), False
    except UnicodeDecodeError:
        text, lossy = data.decode("utf-8", "replace"), True
    return Source(text.removeprefix(BOM), name, lossy=lossy, bom=text.startswith(BOM))


def encode(source: Source, text: str) -> bytes:
    """Return *text*, a new version of *source*, as it is written."""
    return ((BOM if source.bom else "") + text).encode()


def edited(text: str, edits: list[Edit]) -> str:
    """Return *text* with all of *edits*, of which no two overlap."""
    parts, at = [], 0
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        parts += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join((*parts, text[at:]))
