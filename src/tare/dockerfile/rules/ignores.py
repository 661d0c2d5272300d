"""Ignores: the two rules about them are applied by the engine, which knows what they silenced."""

from __future__ import annotations

from collections.abc import Iterator

from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule


@rule("TP901")
def ignore_without_reason(context: Context) -> Iterator[Hit]:
    for ignore in context.ignores:
        if not ignore.reason:
            codes = ", ".join(ignore.codes)
            yield Hit(
                span=ignore.span,
                message=f"{codes} is ignored without a reason; write `# tare: ignore[{codes}] because …`",
            )


@rule("TP902")
def ignore_of_nothing(context: Context) -> Iterator[Hit]:
    for ignore, code in context.unused:
        yield Hit(span=ignore.span, message=f"`{code}` is ignored, and is not found here")
