"""Ignores: the two rules about them are applied by the engine, which knows what they silenced."""

from __future__ import annotations

from collections.abc import Iterator

from tare.dockerfile.misspelt import misspelt
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, codes, rule
from tare.dockerfile.settings import is_known, nearest


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
        if is_known(code, codes()):
            yield Hit(span=ignore.span, message=f"`{code}` is ignored, and is not found here")


@rule("TP903")
def ignore_that_is_not_understood(context: Context) -> Iterator[Hit]:
    for each in misspelt(context.file):
        meant = f"; `{each.meant}` is meant" if each.meant else "; write `# tare: ignore[CODE] because …`"
        yield Hit(
            span=each.span,
            message=f"nothing is ignored by this{meant}",
            title=f"write `{each.meant}`",
            edits=context.replace(each.span, each.meant) if each.meant else (),
        )
    for ignore in context.ignores:
        for code in ignore.codes if ignore.ours else ():
            if not is_known(code, codes()):
                near = nearest(code, codes())
                hint = f"; `{near}` may be meant" if near else ""
                yield Hit(span=ignore.span, message=f"there is no rule `{code}`{hint}")
        if ignore.ours and not ignore.codes:
            yield Hit(span=ignore.span, message="nothing is ignored by this: no rule is named")
