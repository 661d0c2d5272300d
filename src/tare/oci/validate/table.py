"""The rules: a table in `rules.toml`, and nothing about them anywhere else."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A document that rules come from."""

    url: str

    date: str
    """The day on which it was read for this table."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What an image must, should or might better be."""

    code: str
    severity: Severity
    title: str

    reference: str
    """The address of the section that says so."""

    date: str
    """The day on which that section was read."""

    because: str = ""
    """Why, when the section does not say it in so many words."""


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    severity: Severity
    title: str
    source: str
    section: str = ""
    because: str = ""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sources: dict[str, Source]
    rules: dict[str, _Row]


@functools.cache
def rules() -> dict[str, Rule]:
    """Return every rule by its code, in the table's order."""
    import tomllib  # 5 ms, and only `verify` needs it

    text = Path(__file__).with_name("rules.toml").read_text(encoding="utf-8")
    table = msgspec.convert(tomllib.loads(text), _Table)
    return {code: _rule(code, row, table.sources[row.source]) for code, row in table.rules.items()}


def rule(code: str) -> Rule:
    """Return the rule of *code*."""
    return rules()[code]


def _rule(code: str, row: _Row, source: Source) -> Rule:
    return Rule(
        code=code,
        severity=row.severity,
        title=row.title,
        reference=f"{source.url}#{row.section}" if row.section else source.url,
        date=source.date,
        because=row.because,
    )
