"""Bytecode: compiled once while building, or again at every start."""

from __future__ import annotations

from collections.abc import Iterator

from tare.dockerfile.model.installs import Install, is_false, is_true
from tare.dockerfile.model.invocations import Invocation
from tare.dockerfile.parse.source import Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule


def _compiles(install: Install) -> bool:
    """Return whether the tool compiles what it installs: pip does without being asked, the others do not."""
    call = install.invocation
    if install.tool == "pip":
        return not call.has("--no-compile") and not _told_not_to(call)
    if call.program == "uv":
        return call.has("--compile-bytecode", "--compile") or is_true(call.env.get("UV_COMPILE_BYTECODE"))
    if install.tool == "poetry":
        return call.has("--compile")
    if install.tool == "pipenv":
        return not _told_not_to(call)  # it runs pip
    return install.tool == "conda"  # whose packages have it


def _told_not_to(call: Invocation) -> bool:
    """Return whether pip's environment says so: a variable is the value of `compile`, by either option's name.

    So `PIP_NO_COMPILE=1` compiles, and `0` does not: tried with pip 23.0, 23.2 and 26.3.
    """
    return is_false(call.env.get("PIP_COMPILE")) or is_false(call.env.get("PIP_NO_COMPILE"))


def _uncompiled(context: Context) -> list[Install]:
    """Return the installations for the application that are never compiled."""
    if _compiled_by_hand(context):
        return []
    return [install for _, install in context.installs if install.for_application and not _compiles(install)]


def _compiled_by_hand(context: Context) -> bool:
    return any(
        call.program == "compileall" for stage in context.feeding for run in stage.runs for call in run.invocations
    )


def _writes_none(context: Context) -> Span | None:
    """Return where the image is told to write no bytecode."""
    final = context.model.final
    if final is None or not final.env.get("PYTHONDONTWRITEBYTECODE"):
        return None
    for instruction in context.file.instructions:
        if instruction.name == "ENV" and instruction.stage in context.shipped_indexes:
            for pair in instruction.pairs:
                if pair.name == "PYTHONDONTWRITEBYTECODE":
                    return pair.span
    return None


@rule("TP301")
def never_compiled(context: Context) -> Iterator[Hit]:
    span = _writes_none(context)
    found = _uncompiled(context)
    if span is not None and found:
        tool = found[0].tool
        line = context.file.source.place(found[0].invocation.span.start).line
        yield Hit(
            span=span,
            message=f"nothing is compiled: {tool} does not compile what it installs (line {line}), and Python may not write it either",
        )


@rule("TP302")
def not_compiled(context: Context) -> Iterator[Hit]:
    if _writes_none(context) is not None:
        return  # TP301 says more
    for install in _uncompiled(context)[:1]:
        call = install.invocation
        option = {"uv": "--compile-bytecode", "poetry": "--compile"}.get(
            "uv" if call.program == "uv" else install.tool, ""
        )
        can = call.program == "uv" and install.run.instruction.form != "json"
        yield Hit(
            span=call.name_span,
            message=f"{install.tool} does not compile what it installs, so every start of a container does",
            title=f"add `{option}`" if can else "",
            edits=context.insert(call.after_name, f" {option}") if can else (),
        )


@rule("TP303", default=False)
def standard_library_not_compiled(context: Context) -> Iterator[Hit]:
    root = context.shipped[0] if context.shipped else None
    if root is None or root.image is None or root.image.kind != "python" or root.stage.base_word is None:
        return
    for stage in context.feeding:
        for run in stage.runs:
            for call in run.calls("compileall"):
                if not call.values or any(
                    value and value.startswith(("/usr/local", "/usr/lib")) for value in call.values
                ):
                    return
    yield Hit(
        span=root.stage.base_word.span,
        message=f"`{root.image.text}` has its standard library without bytecode, so every start compiles what it imports",
    )
