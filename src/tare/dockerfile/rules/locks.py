"""Locks: whether what is installed is what the project has locked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tare.dockerfile.model.installs import (
    Install,
    installs,
    is_true,
)
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule

_PINNED: Final = re.compile(r"(===?|~=|@)")
_LOCK_OF: Final = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}


@rule("TP206")
def no_lock_used(context: Context) -> Iterator[Hit]:
    for _, install in context.installs:
        hit = _sync_without_lock(context, install) if install.syncs else _pip_beside_lock(context, install)
        if hit is not None:
            yield hit


def _sync_without_lock(context: Context, install: Install) -> Hit | None:  # noqa: PLR0911 - one for each tool
    call, tool = install.invocation, install.tool
    if tool == "uv":
        if call.has("--locked", "--frozen") or is_true(call.env.get("UV_LOCKED")) or is_true(call.env.get("UV_FROZEN")):
            return None
        return Hit(
            span=install.invocation.name_span,
            message="`uv sync` resolves anew when `uv.lock` does not fit, so a build may get other versions",
            title="add `--locked`",
            edits=context.add_option(install, "--locked"),
        )
    lock = _LOCK_OF[tool]
    if tool == "pipenv":
        if call.subcommand == "sync" or call.has("--deploy", "--ignore-pipfile"):
            return None
        return Hit(
            span=install.invocation.name_span, message=f"`pipenv install` writes `{lock}` anew", title="add `--deploy`",
            edits=context.add_option(install, "--deploy"),
        )  # fmt: skip
    if tool == "pdm":
        if (
            call.subcommand == "sync"
            or call.has("--frozen-lockfile", "--check", "--no-lock")
            or is_true(call.env.get("PDM_FROZEN_LOCKFILE"))
        ):
            return None
        return Hit(
            span=install.invocation.name_span, message=f"`pdm install` writes `{lock}` anew when it does not fit",
            title="add `--check`", edits=context.add_option(install, "--check"),
        )  # fmt: skip
    if _is_there(context, install, lock):
        return None
    return Hit(
        span=install.invocation.name_span,
        message=f"`{lock}` is not there, so poetry resolves during the build, and every build may get other versions",
    )


def _is_there(context: Context, install: Install, name: str) -> bool:
    """Return whether a file of the context is in the stage by then, copied or mounted; also when nobody can tell."""
    run = install.run
    if any(
        mount.kind == "bind" and not mount.origin and mount.source.strip("./") in {"", name}
        for mount in run.instruction.mounts
    ):
        return True
    if context.beside.root is not None and context.beside.project is not None and not context.beside.has(name):
        return False
    stage = context.model.stages[run.instruction.stage]
    for each in context.model.lineage(stage):
        for copy in each.copies:
            if copy.order > run.order:
                continue
            if copy.origin or copy.whole_context:
                return True
            for source in copy.sources:
                plain = source.removeprefix("./").rstrip("/").rpartition("/")[2]
                if plain == name or (any(character in source for character in "*?[$") and _globs(plain, name)):
                    return True
                if "." not in plain:
                    return True  # a directory: what is in it, nobody can tell
    return False


def _globs(pattern: str, name: str) -> bool:
    from fnmatch import fnmatchcase

    return "$" in pattern or fnmatchcase(name, pattern)


def _pip_beside_lock(context: Context, install: Install) -> Hit | None:  # noqa: PLR0911 - one for each reason
    """Return what is wrong with installing by pip what a lock of the project has."""
    if not install.for_application or install.tool not in {"pip", "uv"}:
        return None
    call = install.invocation
    if call.has("--require-hashes", "--no-deps") or call.all("-c", "--constraint", "--constraints"):
        return None
    locks = context.beside.locks
    if install.project and not install.files and not install.requirements:
        if _dependencies_before(context, install):
            return None
        lock = f"; `{locks[0]}` is not asked" if locks else ""
        return Hit(
            span=install.invocation.name_span, message=f"what the project depends on is resolved during the build{lock}"
        )
    if any(file.rpartition("/")[2] in locks for file in install.files):
        return None
    if locks and install.files and not any(_is_exported(context, file) for file in install.files):
        return Hit(
            span=install.invocation.name_span,
            message=f"`{install.files[0]}` is installed, and the project's `{locks[0]}` is not asked",
        )
    loose = _loose_file(context, install)
    if loose is not None:
        return Hit(span=install.invocation.name_span, message=loose)
    return None


def _dependencies_before(context: Context, install: Install) -> bool:
    """Return whether something before has installed what the project depends on."""
    stage = context.model.stages[install.run.instruction.stage]
    for each in context.model.lineage(stage):
        for other in installs(each):
            earlier = other.invocation.span.start < install.invocation.span.start
            if earlier and (other.files or other.syncs):
                return True
    project = context.beside.project
    return project is not None and not project.has_dependencies


def _is_exported(context: Context, file: str) -> bool:
    """Return whether a requirements file is made from a lock in the build, or is none of the context's own."""
    name = file.rpartition("/")[2]
    if (
        context.beside.root is not None
        and not context.beside.has(file.removeprefix("./"))
        and not context.beside.has(name)
    ):
        return True
    for stage in context.model.stages:
        for run in stage.runs:
            for call in run.invocations:
                exports = call.subcommand in {"export", "requirements", "lock"} or (call.program, call.subcommand) == (
                    "uv",
                    "pip compile",
                )
                if exports and call.program in {"uv", "poetry", "pdm", "pipenv"}:
                    return True
    return False


def _loose_file(context: Context, install: Install) -> str | None:
    """Return what is wrong with a requirements file that is beside the Dockerfile and does not name versions."""
    for file in install.files:
        data = context.beside.read(file.removeprefix("./"))
        if data is None:
            continue
        for line in data.decode("utf-8", "replace").splitlines():
            text = line.partition("#")[0].strip()
            if not text or text.startswith("-"):
                continue
            named = text.partition(";")[0].strip()
            if "/" in named or named.startswith(".") or named.endswith((".whl", ".tar.gz", ".zip")):
                continue  # an address, or a path in the context: the file there is the version
            if not _PINNED.search(named):
                return f"`{file}` does not say the version of `{text[:40]}`, so every build may get another one"
    return None
