"""Fixes, applied: those that do not touch each other at once, and again for what that uncovers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from tare.dockerfile.finding import Finding
from tare.dockerfile.lint import Result
from tare.dockerfile.parse.source import Edit, Source, edited

_ROUNDS: Final = 10
"""How often a file is fixed and looked at again: a fix may uncover something else."""


def repaired(result: Result, again: Callable[[Source], Result]) -> tuple[Result, int]:
    """Return what remains after every fix, and how many there were; *again* checks a file that was changed."""
    total = 0
    for _ in range(_ROUNDS):
        source = result.source
        text, count = fixed(source, result.findings)
        if not count or text == source.text:
            break
        total += count
        result = again(Source(text, source.name, lossy=source.lossy, bom=source.bom))
    return result, total


def fixed(source: Source, findings: Iterable[Finding]) -> tuple[str, int]:
    """Return the text with every fix that does not touch another, and how many those are."""
    taken: list[Edit] = []
    count = 0
    for finding in findings:
        edits = finding.fix.edits if finding.fix else ()
        if edits and not any(_touch(edit, other) for edit in edits for other in taken):
            taken += edits
            count += 1
    return edited(source.text, taken), count


def _touch(one: Edit, other: Edit) -> bool:
    return one.start <= other.end and other.start <= one.end
