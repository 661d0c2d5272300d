"""A script as the simple commands in it, in the order in which they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.dockerfile.shell.lexer import Lexer, Token

_assignment = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=(.*)", re.DOTALL)
_STARTS: Final = frozenset({"if", "then", "elif", "else", "while", "until", "do", "{", "!", "time", "function"})
"""Words of the grammar that a command may follow."""

_ENDS: Final = frozenset({"fi", "done", "esac", "}"})
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


def commands(text: str, start: int = 0, *, depth: int = 0, nested: bool = False) -> Iterator[SimpleCommand]:
    """Yield the simple commands of *text*, whose first character has the offset *start*."""
    if depth > _DEEPEST:
        return
    lexer = Lexer(text)
    current: list[Token] = []
    redirections: list[Token] = []
    after, in_case = "", 0
    for token in lexer.tokens():
        yield from _substituted(token, start, depth)
        if token.kind == "word":
            if not current and token.raw in _STARTS | _ENDS:
                in_case -= token.raw == "esac"
                continue
            current.append(token)
            in_case += token.raw == "in" and current[0].raw == "case"
            if token.raw == "in" and current[0].raw == "case":
                current = []
        elif token.kind == "redirection":
            redirections.append(token)
        elif token.raw == ")" and in_case > 0:
            current = []  # a pattern of `case`
        else:
            if current or redirections:
                yield _simple(current, redirections, after, start, nested=nested)
            current, redirections = [], []
            after = ";" if token.raw in {"\n", ";;", ";&"} else token.raw if token.raw not in "()" else after
    if current or redirections:
        yield _simple(current, redirections, after, start, nested=nested)


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
