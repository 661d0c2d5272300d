"""What is wrong with the language of a Dockerfile: it is noted, and reading goes on."""

from __future__ import annotations

import msgspec

from tare.dockerfile.parse.source import Edit, Span


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that BuildKit refuses, or understands otherwise than it is meant."""

    code: str
    """`D` and three digits."""

    span: Span
    message: str

    suggestion: str = ""
    """What it may be a misspelling of."""

    edits: tuple[Edit, ...] = ()
    """What would repair it."""

    refused: bool = True
    """Whether BuildKit refuses it. If not, it does something else than what is meant."""


class Problems:
    """Collects them."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(
        self,
        code: str,
        span: Span,
        message: str,
        *,
        suggestion: str = "",
        edits: tuple[Edit, ...] = (),
        refused: bool = True,
    ) -> None:
        """Note one."""
        self.found.append(
            Problem(code=code, span=span, message=message, suggestion=suggestion, edits=edits, refused=refused)
        )
