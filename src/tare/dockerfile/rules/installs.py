"""Installing: caches, locks, and what is not wanted in production."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tare.dockerfile.model.installs import (
    Install,
    cache_of,
    installs,
    is_true,
    keeps_no_cache,
)
from tare.dockerfile.model.stages import StageModel
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.document import Instruction, Pair
from tare.dockerfile.parse.source import Edit, Span
from tare.dockerfile.rules.context import Context
from tare.dockerfile.rules.registry import Hit, rule

_READS_AS_NO: Final = frozenset({"0", "off", "no", "false", "n", "f"})
_PINNED: Final = re.compile(r"(===?|~=|@)")
_LOCK_OF: Final = {"uv": "uv.lock", "poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}


def _name_span(install: Install) -> Span:
    return install.invocation.name_span


def _after_name(context: Context, install: Install, text: str) -> tuple[Edit, ...]:
    """Return the edit that adds an option; none where the call is no line of the file's own."""
    at = install.invocation.after_name
    if install.run.instruction.form == "json" or context.text[at - 1 : at] in {'"', "'"}:
        return ()
    return context.insert(at, f" {text}")


@rule("TP201")
def pip_cache_kept(context: Context) -> Iterator[Hit]:
    for _, install in context.shipped_installs:
        if install.tool == "pip" and not keeps_no_cache(install):
            yield Hit(
                span=_name_span(install),
                message="pip keeps what it downloads in a layer of the image",
                title="add `--no-cache-dir`",
                edits=_after_name(context, install, "--no-cache-dir"),
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
            span=_name_span(install),
            message=f"{tool} keeps what it downloads{where}, in a layer of the image",
            title="add `--no-cache`" if can else "",
            edits=_after_name(context, install, "--no-cache") if can else (),
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
                    span=_name_span(install),
                    message=f"`{variable}` keeps {tool} from using the cache that is mounted for it",
                )


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
            span=_name_span(install),
            message="`uv sync` resolves anew when `uv.lock` does not fit, so a build may get other versions",
            title="add `--locked`",
            edits=_after_name(context, install, "--locked"),
        )
    lock = _LOCK_OF[tool]
    if tool == "pipenv":
        if call.subcommand == "sync" or call.has("--deploy", "--ignore-pipfile"):
            return None
        return Hit(
            span=_name_span(install), message=f"`pipenv install` writes `{lock}` anew", title="add `--deploy`",
            edits=_after_name(context, install, "--deploy"),
        )  # fmt: skip
    if tool == "pdm":
        if (
            call.subcommand == "sync"
            or call.has("--frozen-lockfile", "--check", "--no-lock")
            or is_true(call.env.get("PDM_FROZEN_LOCKFILE"))
        ):
            return None
        return Hit(
            span=_name_span(install), message=f"`pdm install` writes `{lock}` anew when it does not fit",
            title="add `--check`", edits=_after_name(context, install, "--check"),
        )  # fmt: skip
    if _is_there(context, install, lock):
        return None
    return Hit(
        span=_name_span(install),
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
        return Hit(span=_name_span(install), message=f"what the project depends on is resolved during the build{lock}")
    if any(file.rpartition("/")[2] in locks for file in install.files):
        return None
    if locks and install.files and not any(_is_exported(context, file) for file in install.files):
        return Hit(
            span=_name_span(install),
            message=f"`{install.files[0]}` is installed, and the project's `{locks[0]}` is not asked",
        )
    loose = _loose_file(context, install)
    if loose is not None:
        return Hit(span=_name_span(install), message=loose)
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


@rule("TP207")
def no_version(context: Context) -> Iterator[Hit]:
    for _, install in context.installs:
        call = install.invocation
        if call.all("-c", "--constraint", "--constraints", "--build-constraint") or install.tool == "conda":
            continue
        for requirement in install.requirements:
            if not requirement.specifier and "$" not in requirement.name:
                yield Hit(
                    span=requirement.span,
                    message=f"`{requirement.name}` has no version, so every build may get another one",
                )


@rule("TP208")
def development_groups(context: Context) -> Iterator[Hit]:
    project = context.beside.project
    for _, install in context.installs:
        if not install.syncs or (project is not None and "dev" not in project.groups and install.tool != "pipenv"):
            continue
        found = _development(install)
        if found is not None:
            message, option = found
            edits = _after_name(context, install, option) if option else ()
            yield Hit(span=_name_span(install), message=message, title=f"add `{option}`" if option else "", edits=edits)


def _development(install: Install) -> tuple[str, str] | None:  # noqa: PLR0911 - one for each tool
    call, env = install.invocation, install.env
    if install.tool == "uv":
        if call.has("--no-dev", "--no-default-groups", "--only-group") or "dev" in call.all("--no-group"):
            return None
        if is_true(env.get("UV_NO_DEV")) or is_true(env.get("UV_NO_DEFAULT_GROUPS")):
            return None
        return "`uv sync` installs the group `dev` too", "--no-dev"
    if install.tool == "poetry":
        if call.has("--only", "--no-dev", "--without", "--only-root"):
            return None
        return "`poetry install` installs every group that is not optional", "--only main"
    if install.tool == "pdm":
        if call.has("--prod", "--production", "--no-default") or any("dev" in value for value in call.all("--without")):
            return None
        return f"`pdm {call.subcommand}` installs the development dependencies too", "--prod"
    if install.tool == "pipenv" and call.has("--dev", "-d"):
        return "`--dev` installs what only development needs", ""
    return None
