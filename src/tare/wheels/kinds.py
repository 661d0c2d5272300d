"""What the files of a Python installation are for (`kinds.toml`): tests, stubs, sources, bytecode, modules.

A path says little by itself, so a file is judged together with the files around it.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase, translate
from functools import cache
from typing import Final, Literal

import msgspec

Kind = Literal[
    "test",
    "stub",
    "source",
    "header",
    "static library",
    "documentation",
    "locale",
    "bytecode",
    "cache",
    "library",
    "extension module",
    "module",
    "script",
    "metadata",
    "licence",
    "data",
]
"""`library` is a shared library that no interpreter imports; `data` is what no rule knows."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table: what `kinds.toml` says at its top."""

    kind: Kind
    names: tuple[str, ...] = ("*",)
    directories: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    source: str
    date: str


class KnownFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files whose path misleads."""

    paths: tuple[str, ...]
    """Patterns of paths from `site-packages`."""

    kind: Kind
    reason: str
    source: str
    date: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is known."""

    exception: tuple[KnownFile, ...]
    rule: tuple[Rule, ...]


@cache
def table() -> Table:
    """Return the table."""
    import tomllib

    data = pkgutil.get_data(__package__ or "", "kinds.toml") or b""
    return msgspec.convert(tomllib.loads(data.decode()), Table)


def kinds(paths: Iterable[str]) -> dict[str, Kind]:
    """Return what each of *paths* is, which are all the files of one root: an image, an environment, a wheel.

    >>> found = kinds(["p/tests/test_x.py", "p/tests/x.csv", "django/test/client.py", "p/_c.pyx"])
    >>> list(found.values())
    ['test', 'test', 'module', 'source']
    """
    files = [(path, *_split(path)) for path in paths]
    directories = _Directories(_seen(files))
    named: dict[tuple[tuple[int, ...], str], Kind] = {}
    known: dict[str, Kind] = {}
    for path, directory, name in files:
        rules = directories.rules(directory)
        key = (rules, name)
        kind = named.get(key)
        if kind is None:
            kind = named[key] = _first(rules, name)
        known[path] = _exception(path, kind)
    return known


_ROOTS: Final = re.compile(r".*(?:^|/)(?:site-packages|dist-packages|lib(?:64)?/python3\.[0-9]+t?)/")


def inside(path: str) -> str:
    """Return *path* from the `site-packages` or the standard library that it lies in, or as it is.

    >>> inside("opt/venv/lib/python3.13/site-packages/numpy/__init__.py")
    'numpy/__init__.py'
    """
    match = _ROOTS.match(path)
    return path if match is None else path[match.end() :]


def _exception(path: str, kind: Kind) -> Kind:
    top = None
    for prefix, known in _exceptions():
        if prefix in path:
            top = top or inside(path)
            if any(fnmatchcase(top, pattern) for pattern in known.paths):
                return known.kind
    return kind


@cache
def _exceptions() -> tuple[tuple[str, KnownFile], ...]:
    """Return the exceptions with a text that each of their paths has, which is cheap to look for."""
    return tuple(
        (pattern.partition("/")[0] + "/", msgspec.structs.replace(known, paths=(pattern,)))
        for known in table().exception
        for pattern in known.paths
    )


@cache
def _pattern(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


def _first(rules: tuple[int, ...], name: str) -> Kind:
    every = table().rule
    return next((every[number].kind for number in rules if _pattern(every[number].names).match(name)), "data")


def _split(path: str) -> tuple[str, str]:
    directory, _, name = path.rpartition("/")
    return directory, name


def _seen(files: Iterable[tuple[str, str, str]]) -> dict[str, set[str]]:
    """Return, by directory, the patterns of `evidence`, `unless` and `without` that something below it fits."""
    asked = {pattern for rule in table().rule for pattern in (*rule.evidence, *rule.unless)}
    asked_directories = {pattern for rule in table().rule for pattern in rule.without}
    any_file = _pattern(tuple(sorted(asked)))
    any_directory = _pattern(tuple(sorted(asked_directories)))
    found: dict[str, set[str]] = {}
    walked: set[str] = set()
    for _, directory, name in files:
        if any_file.match(name):
            _mark(found, directory, {pattern for pattern in asked if fnmatchcase(name, pattern)})
        here = directory
        while here and here not in walked:
            walked.add(here)
            parent, last = _split(here)
            if any_directory.match(last):
                _mark(found, parent, {"/" + pattern for pattern in asked_directories if fnmatchcase(last, pattern)})
            here = parent
    return found


def _mark(found: dict[str, set[str]], directory: str, marks: set[str]) -> None:
    """Note *marks* for *directory* and all above it, up to one that has them already."""
    while True:
        own = found.setdefault(directory, set())
        if marks <= own:
            return
        own |= marks
        if not directory:
            return
        directory = directory.rpartition("/")[0]


class _Directories:
    """Which rules apply in a directory: those that ask for none, and those of a directory at or above it."""

    def __init__(self, seen: dict[str, set[str]]) -> None:
        self._seen = seen
        every = table().rule
        self._free = tuple(number for number, rule in enumerate(every) if not rule.directories)
        self._bound = [(number, rule) for number, rule in enumerate(every) if rule.directories]
        self._known: dict[str, tuple[int, ...]] = {}

    def rules(self, directory: str) -> tuple[int, ...]:
        """Return the numbers of the rules that apply to a file in *directory*, in the table's order."""
        known = self._known.get(directory)
        if known is None:
            waiting = []
            while known is None:
                waiting.append(directory)
                if not directory:
                    known = self._free
                    break
                directory = directory.rpartition("/")[0]
                known = self._known.get(directory)
            for each in reversed(waiting):
                known = self._known[each] = self._with(known, each)
        return known

    def _with(self, above: tuple[int, ...], directory: str) -> tuple[int, ...]:
        own = {number for number, rule in self._bound if number not in above and self._fits(rule, directory)}
        return tuple(sorted({*above, *own})) if own else above

    def _fits(self, rule: Rule, directory: str) -> bool:
        parent, name = _split(directory)
        both = f"{parent.rpartition('/')[2]}/{name}"
        if not any(fnmatchcase(both if "/" in pattern else name, pattern) for pattern in rule.directories):
            return False
        seen = self._seen.get(directory, set())
        return (
            (not rule.evidence or not seen.isdisjoint(rule.evidence))
            and seen.isdisjoint(rule.unless)
            and not any("/" + pattern in seen for pattern in rule.without)
        )
