"""Generated parts in a file that a person may have changed around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from tare.dockerfile.generate.stages import Part
from tare.dockerfile.parse.parse import parse
from tare.dockerfile.parse.source import Source
from tare.errors import ProjectError

_mark = re.compile(r"#\s*tare:\s*(begin|end)\s+([a-z]+)\s*")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that follow each other: a generated part, or what a person wrote between two."""

    name: str | None
    lines: tuple[str, ...]


def split(text: str, file: str) -> tuple[Piece, ...]:
    """Return the pieces of *text*, or raise `ProjectError` naming *file* when its marks do not pair."""
    found: list[Piece] = []
    lines: list[str] = []
    name: str | None = None
    for number, line in enumerate(_lines(text), 1):
        match = _mark.fullmatch(line)
        if match is None:
            lines.append(line)
            continue
        begins = match[1] == "begin"
        if begins != (name is None) or (not begins and match[2] != name) or (begins and match[2] in _names(found)):
            raise ProjectError(
                f"the generated parts of `{file}` are not whole",
                causes=(f"line {number}: `{line.strip()}` does not pair",),
                hints=("Repair the lines `tare: begin` and `tare: end`, or remove the file",),
            )
        found += [Piece(name=name, lines=tuple(lines))] if lines or name else []
        lines, name = [], (match[2] if begins else None)
    if name is not None:
        raise ProjectError(f"the generated parts of `{file}` are not whole", causes=(f"`{name}` does not end",))
    return (*found, *([Piece(name=None, lines=tuple(lines))] if lines else []))


def _names(pieces: Sequence[Piece]) -> set[str | None]:
    return {piece.name for piece in pieces}


def _lines(text: str) -> list[str]:
    """Return the lines of *text* as Docker has them: a form feed in a comment ends none."""
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def is_ours(text: str) -> bool:
    """Return whether *text* has a generated part."""
    return any(_mark.fullmatch(line) for line in _lines(text))


def merged(parts: Sequence[Part], existing: tuple[Piece, ...] = ()) -> str:
    """Return the file: *parts* in the place of those that *existing* has, and what stands between them as it was.

    A part that the file lacks comes after the one before it; one that is no longer generated goes.
    """
    pieces = [piece for piece in existing if piece.name is None or piece.name in {part.name for part in parts}]
    for index, part in enumerate(parts):
        new = Piece(name=part.name, lines=part.lines)
        at = next((place for place, piece in enumerate(pieces) if piece.name == part.name), None)
        if at is not None:
            pieces[at] = new
            continue
        before = parts[index - 1].name if index else None
        place = next((place + 1 for place, piece in enumerate(pieces) if before and piece.name == before), 0)
        pieces[place:place] = [Piece(name=None, lines=("",)), new] if place else [new]
    return "\n".join(line for piece in pieces for line in _written(piece)) + "\n"


def refusals(text: str, file: str) -> Iterator[str]:
    """Yield what BuildKit refuses of the merged *text*: a person's lines may have stood in a stage that is made no more."""
    source = Source(text, file)
    for problem in parse(source).problems:
        if problem.refused:
            line = source.place(problem.span.start).line
            yield f"a build will refuse line {line} of `{file}`, which is yours: {problem.message}"


def spelled(new: str, old: str | None) -> str:
    """Return *new* with the line ends of *old*: git may give a file CRLF, and that is no change."""
    is_crlf = old is not None and "\r\n" in old and "\n" not in old.replace("\r\n", "")
    return new.replace("\n", "\r\n") if is_crlf else new


def _written(piece: Piece) -> tuple[str, ...]:
    if piece.name is None:
        return piece.lines
    return (f"# tare: begin {piece.name}", *piece.lines, f"# tare: end {piece.name}")
