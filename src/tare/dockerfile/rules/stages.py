"""Stages: what one gives to the next has to run there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from tare.dockerfile.model.environments import (
    CopiedVenv,
    Interpreter,
    copied_venvs,
    has_unknown_base,
    interpreter_of,
    series_in,
)
from tare.dockerfile.model.images import same_python
from tare.dockerfile.model.installs import Install, installs, is_true
from tare.dockerfile.model.stages import Copy, StageModel
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule


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
                span=copy.from_span,
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
                span=copy.from_span,
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
            span=copied.copy.from_span,
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
                span=copied.copy.from_span,
                message=f"the environment is made at `{copied.venv.path}` and copied to `{copied.path}`: its scripts start with the old path",
            )


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
