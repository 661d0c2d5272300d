"""What a RUN installs for Python: which tool, which distributions, from which lock, and where it is put."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tare.dockerfile.model.invocations import Invocation
from tare.dockerfile.model.stages import Model, Run, StageModel
from tare.dockerfile.model.tables import table
from tare.dockerfile.parse.source import Span

_name = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(\[[^\]]*\])?\s*(.*)", re.DOTALL)
_TRUE: Final = frozenset({"1", "true", "yes", "on", "t", "y"})

MANAGERS: Final = frozenset({"poetry", "pdm", "pipenv", "uv", "hatch", "rye", "pipx", "conda"})
"""Tools that are needed to install a project, and not to run it."""

TOOLS: Final = MANAGERS | {
    "pip", "setuptools", "wheel", "virtualenv", "build", "pip-tools", "poetry-core", "poetry-plugin-export", "hatchling",
    "flit", "flit-core", "cython", "micropipenv", "distlib", "tox", "nox",
}  # fmt: skip
"""What one installs by name on the way to something else."""


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution that is named on a command line."""

    name: str
    """Normalized."""

    specifier: str
    span: Span


class Install(msgspec.Struct, frozen=True, kw_only=True):
    """One call that installs."""

    tool: str
    """`pip`, `uv`, `poetry`, `pdm`, `pipenv`, `pipx` or `conda`."""

    run: Run
    invocation: Invocation
    files: tuple[str, ...]
    """Requirements files; paths as they are written."""

    requirements: tuple[Requirement, ...]
    syncs: bool
    """Whether it installs what a project's lock says: `uv sync`, `poetry install`."""

    project: bool
    """Whether the project itself is installed too."""

    editable: bool

    @property
    def of_tools(self) -> bool:
        """Whether all that it names are tools."""
        if self.tool == "pipx" or self.invocation.subcommand == "tool install":
            return True
        return bool(self.requirements) and all(each.name in TOOLS for each in self.requirements) and not self.files

    @property
    def for_application(self) -> bool:
        """Whether it installs what the application needs."""
        return not self.of_tools and (self.syncs or self.project or bool(self.files or self.requirements))

    @property
    def env(self) -> Mapping[str, str | None]:
        """The variables that it sees."""
        return self.invocation.env


def is_true(value: str | None) -> bool:
    """Return whether a switch in the environment is on, as uv and pip read it."""
    return (value or "").strip().lower() in _TRUE


def is_false(value: str | None) -> bool:
    """Return whether a switch in the environment is off, as pip reads it."""
    return (value or "").strip().lower() in {"0", "n", "no", "f", "false", "off"}


def installs(stage: StageModel) -> tuple[Install, ...]:
    """Return what *stage* itself installs, in order."""
    return tuple(found for run in stage.runs for call in run.invocations if (found := _install(run, call)) is not None)


def every_install(model: Model) -> Iterator[tuple[StageModel, Install]]:
    """Yield what the stages install that reach the final image."""
    for stage in model.feeding():
        for install in installs(stage):
            yield stage, install


def _install(run: Run, call: Invocation) -> Install | None:  # noqa: PLR0911 - one for each tool
    program, subcommand = call.program, call.subcommand
    if (program, subcommand) in {("pip", "install"), ("uv", "pip install"), ("uv", "pip sync")}:
        return _pip(run, call, "uv" if program == "uv" else "pip")
    if (program, subcommand) in {("pipx", "install"), ("uv", "tool install")}:
        return _named(run, call, program)
    if (program, subcommand) == ("uv", "sync"):
        project = not (
            call.has("--no-install-project", "--no-install-workspace", "--no-install-local")
            or is_true(call.env.get("UV_NO_INSTALL_PROJECT"))
        )
        editable = project and not (call.has("--no-editable") or is_true(call.env.get("UV_NO_EDITABLE")))
        return _sync(run, call, "uv", project=project, editable=editable)
    if (program, subcommand) in {("poetry", "install"), ("poetry", "sync")}:
        project = not call.has("--no-root")
        return _sync(run, call, "poetry", project=project, editable=project)
    if (program, subcommand) in {("pdm", "install"), ("pdm", "sync")}:
        project = not call.has("--no-self")
        return _sync(run, call, "pdm", project=project, editable=project and not call.has("--no-editable"))
    if (program, subcommand) in {("pipenv", "install"), ("pipenv", "sync")}:
        return _sync(run, call, "pipenv", project=False, editable=False)
    if (program, subcommand) in {("conda", "install"), ("conda", "create"), ("conda", "env")}:
        return _named(run, call, "conda")
    return None


def _pip(run: Run, call: Invocation, tool: str) -> Install:
    operands = list(zip(call.operands, call.values, strict=True))
    files = call.all("-r", "--requirement", "--requirements")
    if call.subcommand == "pip sync":
        files, operands = (*files, *(value or token.value for token, value in operands)), []
    paths = [value for token, value in operands if _is_path(value or token.value)]
    editables = call.all("-e", "--editable")
    requirements = tuple(
        found
        for token, value in operands
        if not _is_path(value or token.value)
        and (found := _requirement(value or token.value, call, token.start, token.end))
    )
    local = [path for path in (*paths, *editables) if path and not path.endswith(".whl") and "://" not in path]
    return Install(
        tool=tool, run=run, invocation=call, files=tuple(files), requirements=requirements, syncs=False,
        project=any(_is_here(path) for path in local), editable=bool(editables),
    )  # fmt: skip


def _named(run: Run, call: Invocation, tool: str) -> Install:
    requirements = tuple(
        found
        for token, value in zip(call.operands, call.values, strict=True)
        if (found := _requirement(value or token.value, call, token.start, token.end))
    )
    return Install(
        tool=tool,
        run=run,
        invocation=call,
        files=(),
        requirements=requirements,
        syncs=False,
        project=False,
        editable=False,
    )


def _sync(run: Run, call: Invocation, tool: str, *, project: bool, editable: bool) -> Install:
    return Install(
        tool=tool, run=run, invocation=call, files=(), requirements=(), syncs=True, project=project, editable=editable
    )


def _requirement(text: str, call: Invocation, start: int, end: int) -> Requirement | None:
    match = _name.fullmatch(text.strip())
    if match is None:
        return None
    name = re.sub(r"[-_.]+", "-", match[1]).lower()
    return Requirement(name=name, specifier=match[3].strip(), span=call.place(start, end))


def _is_path(text: str) -> bool:
    return (
        text.startswith((".", "/", "~", "git+", "hg+", "file:", "http:", "https:", "$", "`"))
        or text.endswith((".whl", ".tar.gz", ".zip", "/"))
        or ("/" in text and "@" not in text)
    )


def _is_here(path: str) -> bool:
    plain = path.partition("[")[0]
    return plain in {".", "./"} or (not plain.endswith((".whl", ".tar.gz", ".zip")) and "://" not in plain)


def cache_of(tool: str, env: Mapping[str, str | None], user: str) -> str:
    """Return the directory that *tool* caches in; empty when it is not known."""
    row = table("model/tools.toml").get(tool, {})
    named = env.get(row.get("cache_variable", ""))
    if named:
        return posixpath.normpath(named)
    cache = str(row.get("cache", ""))
    if cache.startswith("~"):
        xdg = env.get("XDG_CACHE_HOME")
        if xdg and cache.startswith("~/.cache/"):
            return posixpath.join(xdg, cache.removeprefix("~/.cache/"))
        home = env.get("HOME") or ("/root" if user.partition(":")[0] in {"", "root", "0"} else "")
        return home + cache[1:] if home else ""
    return cache


def keeps_no_cache(install: Install) -> bool:
    """Return whether an option, a variable or a mount keeps the tool's cache out of the layer, or removes it again."""
    call, run = install.invocation, install.run
    tool = "uv" if call.program == "uv" else install.tool
    row = table("model/tools.toml").get(tool, {})
    if call.has(*row.get("no_cache_options", ())) or _switched_off(tool, call.env):
        return True
    cache = cache_of(tool, call.env, run.user)
    option = call.option(row.get("cache_option", "")) if row.get("cache_option") else None
    if option is not None and option.value:
        cache = option.value
    mounts = [posixpath.normpath(path) for path in run.cache_mounts() if path]
    if any(_within(cache, mount) or (not cache and "cache" in mount) for mount in mounts):
        return True
    name = posixpath.basename(cache)
    if any(posixpath.basename(mount) == name for mount in mounts):
        return True  # another home, of a user that only the base knows
    return _removed(run, call, cache, tool)


def _switched_off(tool: str, env: Mapping[str, str | None]) -> bool:
    name = table("model/tools.toml").get(tool, {}).get("no_cache_variable", "")
    if tool in {"pip", "pipenv"}:
        return bool(env.get(name)) or (name in env and env[name] is None)  # any value that pip understands
    return is_true(env.get(name)) or (name in env and env[name] is None)


def _removed(run: Run, call: Invocation, cache: str, tool: str) -> bool:
    """Return whether the cache is removed by the same RUN."""
    for other in run.invocations:
        if other.span.start < call.span.start:
            continue
        if other.program == "rm" and any(
            _covers(value or token.value, cache) for token, value in zip(other.operands, other.values, strict=True)
        ):
            return True
        if other.program == tool and other.subcommand in {
            "cache purge",
            "cache clean",
            "cache clear",
            "cache",
            "clean",
        }:
            return True
    return False


def _covers(removed: str, cache: str) -> bool:
    plain = removed.rstrip("/*").replace("~", "/root").replace("$HOME", "/root").replace("${HOME}", "/root")
    return bool(plain) and bool(cache) and (_within(cache, plain) or plain.startswith(cache + "/"))


def _within(path: str, directory: str) -> bool:
    return bool(path and directory) and (path == directory or path.startswith(directory.rstrip("/") + "/"))
