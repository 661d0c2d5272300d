"""`WWW-Authenticate`: what a server wants to see (RFC 9110 §11.6.1).

The grammar is ambiguous at commas, which separate challenges as well as parameters; a name with `=` after it is a
parameter of the challenge before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

_MAX: Final = 16 * 1024
_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_scheme = re.compile(rf"({_WORD})(?:[ \t]+|(?=,)|\Z)")
_parameter = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:({_WORD})|"((?:[^"\\]|\\.)*)")[ \t]*(?=,|\Z)')
_token68 = re.compile(r"([A-Za-z0-9._~+/-]+=*)[ \t]*(?=,|\Z)")
_gap = re.compile(r"[ \t,]*")


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """One way to authenticate."""

    scheme: str
    """In lower case."""

    parameters: dict[str, str]
    """Names in lower case, values without quotes."""


def parse(values: Iterable[str]) -> tuple[Challenge, ...]:
    """Read the values of the fields; a value that is not sound ends with what was sound before.

    >>> [c.scheme for c in parse(['Basic realm="a, b", Bearer realm="https://auth.example/",service="s"'])]
    ['basic', 'bearer']
    """
    return tuple(challenge for value in values for challenge in _parse(value[:_MAX]))


def _parse(text: str) -> Iterable[Challenge]:
    position = _skip(text, 0)
    while position < len(text):
        found = _scheme.match(text, position)
        if found is None:
            return
        parameters, position = _parameters(text, found.end())
        if parameters is None:
            return
        yield Challenge(scheme=found[1].lower(), parameters=parameters)
        position = _skip(text, position)


def _parameters(text: str, position: int) -> tuple[dict[str, str] | None, int]:
    """Return the parameters from *position* on, and where they end. None if one of them comes twice."""
    parameters: dict[str, str] = {}
    while found := _parameter.match(text, position):
        name = found[1].lower()
        if name in parameters:
            return None, position
        parameters[name] = found[2] if found[2] is not None else re.sub(r"\\(.)", r"\1", found[3])
        position = _skip(text, found.end())
    if not parameters and (found := _token68.match(text, position)):
        position = found.end()
    return parameters, position


def _skip(text: str, position: int) -> int:
    found = _gap.match(text, position)
    return found.end() if found else position
