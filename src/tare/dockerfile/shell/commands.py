"""A script as the simple commands in it, in the order in which they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.dockerfile.shell.lexer import Lexer, Token

_assignment = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=(.*)", re.DOTALL)
_GRAMMAR: Final = frozenset({
    "if", "then", "elif", "else", "while", "until", "do", "{", "!", "time", "function", "fi", "done", "}",
})  # fmt: skip
"""Words that are no commands where a command may begin."""

_DEEPEST: Final = 12
"""Scripts within scripts that are looked into."""


class SimpleCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command with its arguments, as it stands in a script."""

    assignments: tuple[tuple[str, str], ...]
    """Variables that are set for it alone, or for the script when it has no words."""

    words: tuple[Token, ...]
    redirections: tuple[Token, ...]
    after: str
    """The operator before it: empty for the first, `&&`, `||`, `|`, `;`, `&`."""

    nested: bool
    """Whether its output becomes a part of another command."""

    @property
    def argv(self) -> tuple[str, ...]:
        """Its words without quotes."""
        return tuple(word.value for word in self.words)


def commands(  # noqa: C901 - one branch for each kind of token
    text: str, start: int = 0, *, depth: int = 0, nested: bool = False
) -> Iterator[SimpleCommand]:
    """Yield the simple commands of *text*, whose first character has the offset *start*."""
    if depth > _DEEPEST:
        return
    current: list[Token] = []
    redirections: list[Token] = []
    after, cases, in_pattern = "", 0, False
    for token in Lexer(text).tokens():
        yield from _substituted(token, start, depth)
        if token.raw == "esac" and not current:
            cases, in_pattern = max(0, cases - 1), False
        elif in_pattern:  # of `case`: up to its bracket, where `|` is no pipe
            in_pattern = token.raw != ")"
        elif token.kind == "redirection":
            redirections.append(token)
        elif token.kind == "word":
            if token.raw == "in" and current and current[0].raw == "case":
                cases, in_pattern, current = cases + 1, True, []
            elif current or token.raw not in _GRAMMAR:
                current.append(token)
        else:
            if current or redirections:
                yield _simple(current, redirections, after, start, nested=nested)
            current, redirections = [], []
            after = _separator(token.raw, after)
            in_pattern = cases > 0 and token.raw in {";;", ";&"}
    if current or redirections:
        yield _simple(current, redirections, after, start, nested=nested)


def _separator(operator: str, before: str) -> str:
    """Return what stands before the next command: brackets change nothing, and the end of a line is a semicolon."""
    if operator in {"(", ")"}:
        return before
    return ";" if operator in {"\n", ";;", ";&"} else operator


def _substituted(token: Token, start: int, depth: int) -> Iterator[SimpleCommand]:
    for offset, script in token.scripts:
        yield from commands(script, start + offset, depth=depth + 1, nested=True)


def _simple(tokens: list[Token], redirections: list[Token], after: str, start: int, *, nested: bool) -> SimpleCommand:
    moved = [_moved(token, start) for token in tokens]
    assignments = []
    while moved:
        match = _assignment.fullmatch(moved[0].value) if moved[0].raw[:1] not in "'\"" else None
        if match is None:
            break
        assignments.append((match[1], match[2]))
        moved.pop(0)
    return SimpleCommand(
        assignments=tuple(assignments),
        words=tuple(moved),
        redirections=tuple(_moved(token, start) for token in redirections),
        after=after,
        nested=nested,
    )


def _moved(token: Token, start: int) -> Token:
    if not start:
        return token
    return msgspec.structs.replace(token, start=token.start + start, end=token.end + start)
