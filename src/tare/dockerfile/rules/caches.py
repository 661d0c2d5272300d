"""Caches of what installs: kept in a layer, refused where they are mounted, or not what their name says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tare.dockerfile.model.installs import (
    cache_of,
    installs,
    is_true,
    keeps_no_cache,
)
from tare.dockerfile.model.stages import StageModel
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.document import Instruction, Pair
from tare.dockerfile.parse.source import Edit
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule

_READS_AS_NO: Final = frozenset({"0", "off", "no", "false", "n", "f"})


@rule("TP201")
def pip_cache_kept(context: Context) -> Iterator[Hit]:
    for _, install in context.shipped_installs:
        if install.tool == "pip" and not keeps_no_cache(install):
            yield Hit(
                span=install.invocation.name_span,
                message="pip keeps what it downloads in a layer of the image",
                title="add `--no-cache-dir`",
                edits=context.add_option(install, "--no-cache-dir"),
            )


def _pairs(context: Context, name: str) -> Iterator[tuple[Instruction, Pair]]:
    for instruction in context.file.instructions:
        if instruction.name in {"ENV", "ARG"}:
            for pair in instruction.pairs:
                if pair.name == name and pair.value is not None:
                    yield instruction, pair


@rule("TP202")
def reads_as_the_opposite(context: Context) -> Iterator[Hit]:
    for _, pair in _pairs(context, "PIP_NO_CACHE_DIR"):
        word = pair.value
        value = word.text.strip("'\"") if word else ""
        if word is not None and value.lower() in _READS_AS_NO:
            yield Hit(
                span=pair.span,
                message=f"`PIP_NO_CACHE_DIR={value}` reads as if there were a cache, and pip takes it for none",
                title="write `1`",
                edits=context.replace(word.span, "1"),
            )


@rule("TP203")
def other_cache_kept(context: Context) -> Iterator[Hit]:
    for _, install in context.shipped_installs:
        tool = install.tool
        if tool not in {"uv", "poetry", "pdm", "pipenv", "conda"} or keeps_no_cache(install):
            continue
        if tool == "conda" and any(call.subcommand == "clean" for call in install.run.calls("conda")):
            continue
        cache = cache_of(tool, install.env, install.run.user)
        where = f" in `{cache}`" if cache else ""
        can = tool == "uv"
        yield Hit(
            span=install.invocation.name_span,
            message=f"{tool} keeps what it downloads{where}, in a layer of the image",
            title="add `--no-cache`" if can else "",
            edits=context.add_option(install, "--no-cache") if can else (),
        )


@rule("TP204")
def no_link_mode(context: Context) -> Iterator[Hit]:
    seen = set()
    for stage in context.model.stages:
        for install in installs(stage):
            call, run = install.invocation, install.run
            if call.program != "uv" or call.has("--link-mode") or "UV_LINK_MODE" in call.env or run.order in seen:
                continue
            mount = next(
                (
                    mount
                    for mount in run.instruction.mounts
                    if mount.kind == "cache" and mount.target.rstrip("/").endswith("/uv")
                ),
                None,
            )
            if mount is None:
                continue
            seen.add(run.order)
            yield Hit(
                span=mount.flag.span,
                message="uv cannot link from a cache that is another file system, and warns before it copies",
                title="set `UV_LINK_MODE=copy` in this stage",
                edits=_env_edit(context, stage, "UV_LINK_MODE=copy") if len(seen) == 1 else (),
            )


def _env_edit(context: Context, stage: StageModel, text: str) -> tuple[Edit, ...]:
    lines = context.lines_of(stage.stage.instruction)
    end = context.line_end()
    before = "" if context.text[lines.start : lines.end].endswith("\n") else end
    return context.insert(lines.end, f"{before}ENV {text}{end}")


@rule("TP205")
def cache_mounted_and_refused(context: Context) -> Iterator[Hit]:
    for stage in context.model.stages:
        for install in installs(stage):
            call, run = install.invocation, install.run
            tool = "uv" if call.program == "uv" else install.tool
            row = table("model/tools.toml").get(tool, {})
            cache = cache_of(tool, call.env, run.user)
            mounted = any(
                mount.kind == "cache"
                and (mount.target.rstrip("/") == cache or mount.target.rstrip("/").endswith(f"/.cache/{tool}"))
                for mount in run.instruction.mounts
            )
            if not mounted:
                continue
            option = call.option(*row.get("no_cache_options", ()))
            variable = row.get("no_cache_variable", "")
            if option is not None:
                text, start = context.text, option.span.start
                blank = start - 1 if text[start - 1 : start] in {" ", "\t"} else start
                yield Hit(
                    span=option.span,
                    message=f"`{option.name}` keeps {tool} from using the cache that is mounted for it",
                    title=f"remove `{option.name}`",
                    edits=(Edit(start=blank, end=option.span.end, text=""),),
                )
            elif variable and (is_true(call.env.get(variable)) or (tool == "pip" and call.env.get(variable))):
                yield Hit(
                    span=install.invocation.name_span,
                    message=f"`{variable}` keeps {tool} from using the cache that is mounted for it",
                )
