"""What a check of a Dockerfile finds."""

from __future__ import annotations

from typing import Literal

import msgspec

from tare.dockerfile.parse.source import Edit

Severity = Literal["error", "warning", "info"]


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a finding costs, as somebody measured it. Where nobody did, there is none."""

    bytes: int | None = None
    """Bytes of the image, unpacked."""

    seconds: float | None = None
    """Seconds of a build, or of each start where *what* says so."""

    what: str
    """What was measured."""

    source: str
    """Where the figure is from."""


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is safe: the image does the same, or what was meant."""

    title: str
    edits: tuple[Edit, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a Dockerfile could be better."""

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    """From 1, in characters."""

    end_line: int
    end_column: int
    """Behind its last character."""

    message: str
    fix: Fix | None = None
    cost: Cost | None = None
    tool: str = "tare"
    """Who found it: `tare` or `hadolint`."""


def order(finding: Finding) -> tuple[int, int, str, str]:
    """Return the key that sorts findings as they stand in a file."""
    return (finding.line, finding.column, finding.code, finding.message)
