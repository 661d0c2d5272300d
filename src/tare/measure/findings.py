"""Findings: bytes that could be gone, and what is known of each kind of them (`findings.toml`)."""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import Literal

import msgspec

Safety = Literal["safe", "more", "note"]


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table: what `findings.toml` says at its top."""

    code: str
    title: str
    why: str
    fix: str
    safety: Safety
    paths: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    """`ecosystem:pattern of names`."""

    unless: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    """Patterns of paths that it is not about."""

    source: str
    date: str

    @property
    def claims(self) -> bool:
        """Whether the row says by itself which files it is about."""
        return bool(self.paths or self.kinds or self.packages)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one image."""

    code: str
    title: str
    bytes: int
    files: int
    paths: tuple[str, ...]
    """Files and whole directories, absolute, the largest first; a directory has a slash at its end."""

    layers: tuple[int, ...]
    """Numbers of the layers whose bytes these are, from 0."""

    safety: Safety
    message: str
    fix: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    finding: tuple[About, ...]


@cache
def table() -> tuple[About, ...]:
    """Return all rows, in the order in which they claim files."""
    import tomllib

    data = pkgutil.get_data(__package__ or "", "findings.toml") or b""
    return msgspec.convert(tomllib.loads(data.decode()), _Table).finding


def about(code: str) -> About:
    """Return the row of *code*."""
    return next(row for row in table() if row.code == code)
