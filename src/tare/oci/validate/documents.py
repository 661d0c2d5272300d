"""JSON documents, from the bytes: what one reader takes for one thing and another for something else is found here.

The strict decoder of `tare.oci.manifest` stops at the first fault; this one goes on, and keeps names that stand twice.
"""

from __future__ import annotations

import collections
import re
from typing import Final, TypeAlias

from tare.oci.validate.findings import Report, shown
from tare.oci.validate.limits import Limits

Json: TypeAlias = "bool | int | float | str | list[Json] | Object | None"

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Object(dict[str, "Json"]):
    """A JSON object. It has the last value of a name that stands twice, as most readers do."""

    __slots__ = ("repeated",)
    repeated: tuple[str, ...]
    """The names that stand more than once."""


def parse(raw: bytes, where: str, report: Report, limits: Limits) -> Object | None:
    """Return the object that *raw* holds, or None if it cannot be read; what is wrong goes to *report*."""
    if len(raw) > limits.document:
        report.add("J004", where, f"expected at most {limits.document} bytes, found {len(raw)}")
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        report.add("J001", where, f"expected UTF-8, found byte {raw[error.start]:#04x} at {error.start}")
        return None
    depth = nesting(raw)
    if depth > limits.nesting:
        report.add("J005", where, f"expected at most {limits.nesting} levels, found {depth}")
        return None
    try:
        value = _load(text)
    except ValueError as error:
        report.add("J002", where, f"expected JSON: {error}")
        return None
    if not isinstance(value, Object):
        report.add("J006", where, f"expected an object, found {kind(value)}")
        return None
    _walk(value, where, report)
    return value


def nesting(raw: bytes) -> int:
    """Return how many arrays and objects of *raw* lie in each other at most, without parsing it."""
    depth = most = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        most = max(most, depth)
    return most


def kind(value: Json) -> str:
    """Return what *value* is, for people.

    >>> kind(None), kind(True), kind([])
    ('null', 'a boolean', 'an array')
    """
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "an object")


def _load(text: str) -> Json:
    import json

    value: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    return value


def _object(pairs: list[tuple[str, Json]]) -> Object:
    value = Object(pairs)
    value.repeated = ()
    if len(value) != len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        value.repeated = tuple(name for name, count in counts.items() if count > 1)
    return value


def _constant(text: str) -> Json:
    raise ValueError(f"`{text}` is not JSON")


def _walk(root: Object, where: str, report: Report) -> None:
    """Look into every value for repeated names and for strings that UTF-8 cannot write."""
    waiting: list[tuple[str, Json]] = [("", root)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            _check_text(value, place(where, path), report)
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(value)]
        elif isinstance(value, Object):
            for name in value.repeated:
                report.add("J003", place(where, path), f"expected `{shown(name)}` once, found it more than once")
            for name in value:
                _check_text(name, place(where, path), report)
            waiting += [(f"{path}.{shown(name)}" if path else shown(name), item) for name, item in value.items()]


def _check_text(text: str, where: str, report: Report) -> None:
    if not text.isascii() and _SURROGATE.search(text):
        report.add("J007", where, f"expected Unicode text, found a lone surrogate in `{shown(text)}`")


def place(where: str, path: str) -> str:
    """Return where in the document *where* the value at *path* stands."""
    return f"{where} {path}" if path else where
