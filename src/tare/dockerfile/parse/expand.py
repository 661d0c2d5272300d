"""Variables in an instruction: `$X`, `${X:-y}`, `${X#pattern}`, `${X/a/b}`, and the quotes around them.

https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

UNKNOWN: Final = "\0"
"""Stands in a value for what only a build knows."""

_SPECIAL: Final = "@*#?-$!0"

_DEEPEST: Final = 80
"""Substitutions within each other. Nobody writes more than three."""

_LONGEST: Final = 4096
"""Characters of a value. `ENV A=$A$A`, often enough, would fill the memory."""

_MOST_STARS: Final = 4
"""Wildcards in a pattern: matching takes time to the power of their number."""


class BadSubstitution(Exception):  # noqa: N818 - a part of the grammar, caught where it becomes a problem
    """A variable is not written as BuildKit reads it."""


class Expanded(msgspec.Struct, frozen=True, kw_only=True):
    """A word after expansion."""

    value: str | None
    """None when it depends on what only a build knows."""

    partial: str
    """The same with `UNKNOWN` in the place of what is not known."""

    unset: tuple[str, ...]
    """Variables that nothing sets."""


def expand(text: str, values: Mapping[str, str | None], escape: str = "\\") -> Expanded:
    """Return *text* with its variables replaced and its quotes removed; a value of `None` is not known.

    >>> expand('"$A"/${B:-b}', {"A": "a"}).value
    'a/b'
    """
    reader = _Reader(text, values, escape)
    partial = reader.until("")
    if len(partial) > _LONGEST:
        partial = UNKNOWN
    return Expanded(
        value=None if UNKNOWN in partial else partial, partial=partial, unset=tuple(dict.fromkeys(reader.unset))
    )


class _Reader:
    def __init__(self, text: str, values: Mapping[str, str | None], escape: str) -> None:
        self.text, self.values, self.escape = text, values, escape
        self.at = 0
        self.depth = 0
        self.unset: list[str] = []

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        character = self.text[self.at : self.at + 1]
        self.at += 1
        return character

    def until(self, stop: str, *, raw: bool = False) -> str:
        """Read up to *stop*, or to the end when it is empty. *raw* keeps escapes, as patterns need them."""
        found: list[str] = []
        while self.at < len(self.text):
            character = self.peek()
            if stop and character == stop:
                self.at += 1
                return "".join(found)
            if character == "$":
                found.append(self._dollar())
            elif character == "'":
                found.append(self._single())
            elif character == '"':
                found.append(self._double(raw=raw))
            elif self.take() == self.escape:
                found += [self.escape if raw else "", self.take()]
            else:
                found.append(character)
        if stop:
            raise BadSubstitution(f"a `{stop}` is missing")
        return "".join(found)

    def _single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise BadSubstitution("a single quote does not end")
        value, self.at = self.text[self.at + 1 : end], end + 1
        return value

    def _double(self, *, raw: bool) -> str:
        self.at += 1
        found: list[str] = []
        while self.at < len(self.text):
            character = self.peek()
            if character == '"':
                self.at += 1
                return "".join(found)
            if character == "$":
                found.append(self._dollar())
                continue
            self.at += 1
            if character == self.escape:
                following = self.peek()
                if raw:
                    found.append(character)
                if following and following in f'"${self.escape}':
                    self.at += 1
                    character = following
                elif not following:
                    continue
            found.append(character)
        raise BadSubstitution("a double quote does not end")

    def _dollar(self) -> str:
        self.at += 1
        if self.peek() != "{":
            name = self._name()
            return self._value(name) if name else "$"
        self.at += 1
        if not self.peek():
            raise BadSubstitution("a `}` is missing")
        if self.peek() in "{}:":
            raise BadSubstitution(f"`${{{self.peek()}` names no variable")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise BadSubstitution("substitutions are nested too deeply")
        value = self._braced(self._name())
        self.depth -= 1
        return value

    def _braced(self, name: str) -> str:
        sign = self.take()
        empty_is_unset = sign == ":"
        if empty_is_unset:
            sign = self.take()
        if sign == "}" and not empty_is_unset:
            return self._value(name)
        if sign == "/" and not empty_is_unset:
            return self._replaced(name)
        if not sign or sign not in "+-?#%":
            shown = f":{sign}" if empty_is_unset else sign
            raise BadSubstitution(f"`${{{name}{shown}` is no way to substitute" if sign else "a `}` is missing")
        operand = self.until("}", raw=sign in "#%")
        return self._modified(name, sign, operand, empty_is_unset=empty_is_unset)

    def _modified(self, name: str, sign: str, operand: str, *, empty_is_unset: bool) -> str:
        value = self.values.get(name, "")
        if value is None:
            return UNKNOWN
        is_set = name in self.values and not (empty_is_unset and not value)
        if sign == "-":
            return value if is_set else operand
        if sign == "+":
            return operand if is_set else ""
        if sign == "?":
            return value if is_set else UNKNOWN  # a build may set it; whether it does is not a matter of the language
        return _trimmed(value, operand, sign)

    def _replaced(self, name: str) -> str:
        every = self.peek() == "/"
        self.at += every
        pattern, replacement = self.until("/", raw=True), self.until("}", raw=True)
        value = self._value(name)
        expression = _pattern(pattern, greedy=True)
        if UNKNOWN in value or pattern.count("*") > _MOST_STARS:
            return UNKNOWN
        return re.sub(expression, lambda _: replacement, value, count=0 if every else 1) if pattern else value

    def _value(self, name: str) -> str:
        value = self.values.get(name, "")
        if name not in self.values:
            self.unset.append(name)
        return UNKNOWN if value is None else value

    def _name(self) -> str:
        start = self.at
        if self.peek().isdigit():
            while self.peek().isdigit():
                self.at += 1
            return self.text[start : self.at]
        if self.peek() and self.peek() in _SPECIAL:
            return self.take()
        while self.peek() and (self.peek().isalnum() or self.peek() == "_"):
            self.at += 1
        return self.text[start : self.at]


def _trimmed(value: str, operand: str, sign: str) -> str:
    longest = operand.startswith(sign)
    pattern = operand[1:] if longest else operand
    expression = re.compile(_pattern(pattern, greedy=longest), re.DOTALL)
    if UNKNOWN in value or pattern.count("*") > _MOST_STARS:
        return UNKNOWN
    if sign == "#":
        match = expression.match(value)
        return value[match.end() :] if match else value
    # The shortest end is the last start that fits, the longest the first.
    starts = range(len(value) + 1) if longest else range(len(value), -1, -1)
    return next((value[:start] for start in starts if expression.fullmatch(value, start)), value)


def _pattern(pattern: str, *, greedy: bool) -> str:
    """Return a shell's pattern (`*`, `?`, and no sets) as a regular expression."""
    found, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        if character == "*":
            found.append(".*" if greedy else ".*?")
        elif character == "?":
            found.append(".")
        elif character == "\\":
            at += 1
            following = pattern[at : at + 1]
            if not following or following not in "*?\\}/":
                raise BadSubstitution(f"`\\{following}` means nothing in a pattern")
            found.append(re.escape(following))
        else:
            found.append(re.escape(character))
        at += 1
    return "".join(found)
