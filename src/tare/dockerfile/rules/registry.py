"""Where rules are put, and what is known about each."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tare.dockerfile.finding import Cost, Severity
from tare.dockerfile.parse.source import Edit, Span

if TYPE_CHECKING:
    from tare.dockerfile.rules.context import Context

MODULES: Final = (
    "bases",
    "stages",
    "leftovers",
    "caches",
    "locks",
    "installs",
    "order",
    "bytecode",
    "running",
    "serving",
    "health",
    "ignores",
)
"""Modules of this package that have rules."""

_DIRECTORY: Final = os.path.join(os.path.dirname(__file__), "data")


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A place where a rule is broken."""

    span: Span
    message: str
    title: str = ""
    """What the fix does."""

    edits: tuple[Edit, ...] = ()
    """The fix; empty when there is none that is safe."""

    costs: bool = True
    """Whether the rule's cost applies here."""

    cost: Cost | None = None
    """What it costs here, where that is not the same everywhere."""


Check = Callable[["Context"], Iterator[Hit]]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's code and its check."""

    code: str
    check: Check
    default: bool
    """Whether it is on without being asked for."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who says so."""

    title: str
    url: str
    date: str
    """The day on which it was read."""


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Dockerfile, with the project beside it where that matters."""

    dockerfile: str
    files: dict[str, str] = {}


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known about a rule."""

    code: str
    title: str
    severity: Severity
    default: bool = True
    fixable: bool = False
    needs: str = ""
    """What must be beside the Dockerfile for it, if anything."""

    why: str
    sources: tuple[Source, ...]
    bad: Example
    good: Example
    cost: Cost | None = None


_rules: dict[str, Rule] = {}


def rule(code: str, *, default: bool = True) -> Callable[[Check], Check]:
    """Register a check under *code*."""

    def register(check: Check) -> Check:
        _rules[code] = Rule(code=code, check=check, default=default)
        return check

    return register


def rules() -> dict[str, Rule]:
    """Return every rule by its code, in the order of the codes."""
    from importlib import import_module

    for name in MODULES:
        import_module(f"tare.dockerfile.rules.{name}")
    return dict(sorted(_rules.items()))


@functools.cache
def about(code: str) -> About:
    """Return what is known about *code*, also one of the parser."""
    import tomllib

    with open(os.path.join(_DIRECTORY, f"{code}.toml"), "rb") as file:
        document: dict[str, Any] = tomllib.load(file)
    return msgspec.convert({"code": code, **document}, About)


@functools.cache
def codes() -> tuple[str, ...]:
    """Return every code that is known, sorted."""
    return tuple(sorted(name.removesuffix(".toml") for name in os.listdir(_DIRECTORY) if name.endswith(".toml")))
