"""Stages: what one gives to the next has to run there, and what only building needs has to stay behind."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tare.dockerfile.finding import Cost
from tare.dockerfile.model.environments import (
    CopiedVenv,
    Interpreter,
    copied_venvs,
    has_unknown_base,
    interpreter_of,
    series_in,
    venvs,
)
from tare.dockerfile.model.images import base_image, same_python
from tare.dockerfile.model.installs import MANAGERS, Install, installs, is_true
from tare.dockerfile.model.invocations import Invocation
from tare.dockerfile.model.stages import Copy, Run, StageModel
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.source import Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule


def _span(copy: Copy) -> Span:
    flag = copy.instruction.flag("from")
    return flag.span if flag else copy.instruction.keyword.span


def _python_copies(context: Context) -> Iterator[tuple[StageModel, StageModel, Copy]]:
    """Yield the copies of what is installed for Python: who made it, who takes it, and how."""
    seen = set()
    for copied in copied_venvs(context.model, context.feeding):
        seen.add(copied.copy.order)
        yield copied.maker, copied.taker, copied.copy
    for taker in context.feeding:
        for copy in taker.copies:
            if copy.stage is None or copy.order in seen:
                continue
            if any(
                "site-packages" in source or "dist-packages" in source or series_in(source) for source in copy.sources
            ):
                yield context.model.stages[copy.stage], taker, copy


def _once(hits: Iterator[Hit]) -> Iterator[Hit]:
    """Yield one hit for each place."""
    seen = set()
    for hit in hits:
        if hit.span not in seen:
            seen.add(hit.span)
            yield hit


@rule("TP101")
def newer_libc(context: Context) -> Iterator[Hit]:
    yield from _once(_newer_libc(context))


def _newer_libc(context: Context) -> Iterator[Hit]:
    for maker, taker, copy in _python_copies(context):
        built, run = (stage.image.libc if stage.image else None for stage in (maker, taker))
        if built is None or run is None or maker.image is None or taker.image is None:
            continue
        if built.family != run.family or built.version > run.version:
            yield Hit(
                span=_span(copy),
                message=f"what `{maker.image.text}` installs is for {built}; `{taker.image.text}` has {run}",
            )


@rule("TP102")
def other_series(context: Context) -> Iterator[Hit]:
    yield from _once(_other_series(context))


def _other_series(context: Context) -> Iterator[Hit]:
    for maker, taker, copy in _python_copies(context):
        built, run = (interpreter_of(context.model, stage) for stage in (maker, taker))
        found = (
            built.series if built else next((found for source in copy.sources if (found := series_in(source))), None)
        )
        if found and run and run.series and found != run.series and not _brings_python(context, taker, built):
            yield Hit(
                span=_span(copy),
                message="what is copied was installed for Python {}.{}; this stage has {}.{}".format(
                    *found, *run.series
                ),
            )


def _brings_python(context: Context, taker: StageModel, built: Interpreter | None) -> bool:
    """Return whether the stage also copies the interpreter that something was installed with."""
    if built is None or not built.path:
        return False
    stages = context.model.lineage(taker)
    if any(copy.lands(built.path) is not None for stage in stages for copy in stage.copies if copy.origin):
        return True
    directory = posixpath.dirname(built.path)
    for stage in stages:
        for run in stage.runs:
            for call in run.calls("ln"):
                if any(value and posixpath.dirname(value) == directory for value in call.values[1:]):
                    return True
    return False


@rule("TP103")
def interpreter_not_there(context: Context) -> Iterator[Hit]:
    yield from _once(_interpreter_not_there(context))


def _interpreter_not_there(context: Context) -> Iterator[Hit]:
    for copied in copied_venvs(context.model, context.feeding):
        built, run = copied.venv.interpreter, interpreter_of(context.model, copied.taker)
        if built is None or has_unknown_base(copied.taker) or _brings_python(context, copied.taker, built):
            continue
        if run is not None and not run.managed and not built.managed and same_python(built.path, run.path):
            continue
        if built.managed and run is not None and run.managed and run.path == built.path:
            continue
        if _only_passes_on(context, copied):
            continue
        where = f"a Python below `{built.path}` that uv downloaded" if built.managed else f"`{built.path}`"
        there = f"its Python is `{run.path}`" if run is not None else "it has no Python"
        yield Hit(
            span=_span(copied.copy),
            message=f"the environment is made with {where}, which is not in this stage: {there}",
        )


def _only_passes_on(context: Context, copied: CopiedVenv) -> bool:
    """Return whether the stage is not one that runs: others copy from it again."""
    return copied.taker.stage.index not in context.shipped_indexes


@rule("TP104")
def venv_moved(context: Context) -> Iterator[Hit]:
    for copied in copied_venvs(context.model, context.feeding):
        if copied.path != copied.venv.path and not copied.venv.relocatable and not _only_passes_on(context, copied):
            yield Hit(
                span=_span(copied.copy),
                message=f"the environment is made at `{copied.venv.path}` and copied to `{copied.path}`: its scripts start with the old path",
            )


def _removed(run: Run, call: Invocation, name: str) -> bool:
    """Return whether the same RUN removes a system package again."""
    virtual = call.option("-t", "--virtual")
    for other in run.invocations:
        if other.program != call.program or other.span.start <= call.span.start:
            continue
        if other.subcommand not in {"purge", "remove", "autoremove", "del"}:
            continue
        removed = set(other.values)
        if name in removed or (virtual is not None and virtual.value in removed) or None in removed:
            return True
    return False


def _system_packages(context: Context) -> Iterator[tuple[StageModel, str, Span]]:
    """Yield the system packages that layers of the final image keep."""
    for stage in context.shipped:
        for run in stage.runs:
            for call in run.calls("apt-get", "apk", "dnf", "yum", "microdnf"):
                if call.subcommand not in {"install", "add"}:
                    continue
                for token, value in zip(call.operands, call.values, strict=True):
                    name = (value or "").partition("=")[0].partition(":")[0]
                    if name and not _removed(run, call, name):
                        yield stage, name, call.place(token.start, token.end)


@rule("TP105")
def compiler_in_the_image(context: Context) -> Iterator[Hit]:
    names = set(table("model/packages.toml")["compilers"]["names"])
    for _, name, span in _system_packages(context):
        if name in names:
            yield Hit(
                span=span,
                message=f"`{name}` stays in the image, which only builds need",
                costs=name == "build-essential",
            )


@rule("TP106")
def manager_in_the_image(context: Context) -> Iterator[Hit]:
    seen = set()
    for name, span, how in _managers(context):
        if name in seen:
            continue
        seen.add(name)
        row = table("model/packages.toml")["managers"].get(name)
        cost = Cost(bytes=row["bytes"], what=row["what"], source=row["source"]) if row else None
        yield Hit(span=span, message=f"{name} stays in the image: {how}", cost=cost)


def _managers(context: Context) -> Iterator[tuple[str, Span, str]]:
    final = context.model.final
    root = context.shipped[0] if context.shipped else None
    if final and root and root.image and root.image.kind == "uv" and root.stage.base_word:
        yield "uv", root.stage.base_word.span, f"`{root.image.text}` has it"
    for stage in context.shipped:
        for copy in stage.copies:
            yield from _copied_managers(context, copy)
        for install in installs(stage):
            for requirement in install.requirements:
                if requirement.name in MANAGERS and not _uninstalled(install, requirement.name):
                    yield requirement.name, requirement.span, "it is installed in a stage that the image is made of"
        for run in stage.runs:
            for call in run.invocations:
                name = _installer(call)
                if name:
                    yield name, call.span, "its installer is run in a stage that the image is made of"


def _copied_managers(context: Context, copy: Copy) -> Iterator[tuple[str, Span, str]]:
    if copy.stage is None:
        if copy.origin and base_image(copy.origin).kind == "uv":
            yield "uv", _span(copy), f"it is copied from `{copy.origin}`"
        return
    maker = context.model.stages[copy.stage]
    places = {venv.path for venv in venvs(context.model, maker)}
    for stage in context.model.lineage(maker):
        for install in installs(stage):
            home = _home(install, places)
            for requirement in install.requirements:
                if requirement.name in MANAGERS and copy.lands(home) is not None:
                    yield requirement.name, _span(copy), f"`{home}`, where it is installed, is copied into the image"


def _home(install: Install, places: set[str]) -> str:
    """Return the directory that an installation goes to: the environment of its pip, or where the image has its own."""
    path = posixpath.dirname(posixpath.dirname(install.invocation.path))
    if path in places:
        return path
    active = install.env.get("VIRTUAL_ENV")
    return active if active in places else "/usr/local"


def _uninstalled(install: Install, name: str) -> bool:
    return any(
        call.program in {"pip", "pipx"} and call.subcommand == "uninstall" and name in call.values
        for call in install.run.invocations
        if call.span.start > install.invocation.span.start
    )


def _installer(call: Invocation) -> str:
    if call.program not in {"curl", "wget"}:
        return ""
    text = " ".join(call.command.argv)
    if "install.python-poetry" in text:
        return "poetry"
    if "astral.sh/uv" in text or "astral-sh/uv/" in text:
        return "uv"
    return "pdm" if "pdm-project" in text and "install-pdm" in text else ""


@rule("TP107")
def headers_in_the_image(context: Context) -> Iterator[Hit]:
    compilers = set(table("model/packages.toml")["compilers"]["names"])
    headers = table("model/packages.toml")["headers"]
    for stage, name, span in _system_packages(context):
        if not name.endswith("-dev") or name in compilers or name.startswith("python3"):
            continue
        known = headers.get(stage.image.os if stage.image else "", {}).get(name)
        instead = f"; `{known}` is what runs" if known else ""
        yield Hit(span=span, message=f"`{name}` is for compiling{instead}")


@rule("TP108")
def pip_in_the_environment(context: Context) -> Iterator[Hit]:
    kept = {copied.venv.path: copied.venv for copied in copied_venvs(context.model, context.shipped)}
    if context.model.final is not None:
        kept.update({venv.path: venv for venv in venvs(context.model, context.model.final)})
    for venv in kept.values():
        if venv.with_pip and not _loses_pip(context, venv.path):
            yield Hit(span=venv.span, message=f"`{venv.path}` has a pip of its own, which nothing runs in the image")


def _loses_pip(context: Context, path: str) -> bool:
    for stage in context.feeding:
        for run in stage.runs:
            for call in run.invocations:
                if call.program == "pip" and call.subcommand == "uninstall" and "pip" in call.values:
                    return True
                if call.program == "rm" and any(
                    value and value.startswith(path) and "pip" in value for value in call.values
                ):
                    return True
    return False


@rule("TP109")
def editable_without_source(context: Context) -> Iterator[Hit]:
    for copied in copied_venvs(context.model, context.shipped):
        for stage in context.model.lineage(copied.maker):
            for install in installs(stage):
                if install.editable and _into(install, copied.venv.path) and not _source_is_there(context, install):
                    yield Hit(
                        span=install.invocation.span,
                        message=f"the project is installed as a link to `{install.run.workdir}`, which is not copied with `{copied.path}`",
                    )


def _into(install: Install, path: str) -> bool:
    if install.syncs:
        environment = install.env.get("UV_PROJECT_ENVIRONMENT") or install.env.get("VIRTUAL_ENV")
        return (environment or posixpath.join(install.run.workdir, ".venv")) == path
    return install.invocation.path.startswith(path + "/") or install.env.get("VIRTUAL_ENV") == path


def _source_is_there(context: Context, install: Install) -> bool:
    """Return whether the final image has the source, or may have it, or the project is no package at all."""
    project = context.beside.project
    if install.tool == "uv" and (project is None or not project.has_build_system):
        # Without a build system uv installs no project. Where nothing is known, any other copy may be the source.
        return project is not None or any(_may_be_source(copy) for stage in context.shipped for copy in stage.copies)
    if is_true(install.env.get("UV_NO_EDITABLE")):
        return True
    workdir = install.run.workdir
    for stage in context.shipped:
        for copy in stage.copies:
            target = copy.destination.rstrip("/") or "/"
            if not _may_be_source(copy):
                continue
            if (
                not copy.destination
                or target == workdir
                or target.startswith(workdir + "/")
                or workdir.startswith(target + "/")
            ):
                return True
    return False


def _may_be_source(copy: Copy) -> bool:
    """Return whether a copy may bring the project's modules: not a lone environment, and no tool."""
    return not all(posixpath.basename(source.rstrip("/")) in {".venv", "venv", "uv", "uvx"} for source in copy.sources)
