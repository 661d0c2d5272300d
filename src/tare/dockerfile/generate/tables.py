"""`tools.toml` and `packages.toml`, decoded."""

from __future__ import annotations

import datetime as dt
import functools
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from tare.errors import ProjectError, UsageError


class Tool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that installs from one kind of lock."""

    name: str
    lock: str
    """The kind of lock, as `projects.discovery` has it."""

    requirement: str | None = None
    """What pip installs to have it; None for pip itself."""

    image: str | None = None
    """The reference, with a tag, of an image that has uv; None for pip, which bases have."""

    cache: str
    """The directory, in the stage that builds, that is kept between builds."""

    venv: bool = False
    """Whether the environment has to be made before it is filled."""

    hashed: str = ""
    """The option that wants a hash for everything."""

    files: tuple[str, ...] = ()
    """What it reads besides the lock."""

    optional: tuple[str, ...] = ()
    """What it reads if it is there."""

    env: dict[str, str] = {}
    extra: str = ""
    """The option that adds an optional feature; empty where the lock leaves no choice."""

    group: str = ""
    """The option that adds a dependency group."""

    install: tuple[str, ...]
    apart: tuple[str, ...] = ()
    """What installs the dependencies that do not lie in the project, from the lock alone; empty where it cannot."""

    archives_apart: bool = False
    """Whether that is so of wheels and source archives in the project, too, and not of directories alone."""

    project: tuple[str, ...] = ()
    links: bool = True
    """Whether it only refers to what the lock has as editable."""

    source: str
    date: dt.date


class Needs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Packages of the system."""

    build: tuple[str, ...] = ()
    run: tuple[str, ...] = ()


class SystemNeeds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What distributions need of the system when they are built from source, or when they run."""

    names: tuple[str, ...]
    compiles: bool = True
    """Whether it is only when these are built from source that anything is needed."""

    unless: tuple[str, ...] = ()
    """Distributions beside which these need nothing."""

    source: str
    date: dt.date
    debian: Needs = Needs()
    bookworm: Needs | None = None
    trixie: Needs | None = None
    alpine: Needs = Needs()

    def on(self, os: str, suite: str) -> Needs:
        """Return what is needed on a suite of an operating system, the suite's own row before the general one."""
        general = self.alpine if os == "alpine" else self.debian
        own = {"bookworm": self.bookworm, "trixie": self.trixie}.get(suite)
        return general if own is None else Needs(build=own.build or general.build, run=own.run or general.run)


class VersionPlugin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Plugins of build backends that ask version control for a project's version."""

    names: tuple[str, ...]
    variable: str
    """The environment variable that they take it from instead."""

    source: str
    date: dt.date


@functools.cache
def _document(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text("utf-8"))


def tools() -> tuple[Tool, ...]:
    return msgspec.convert(_document("tools.toml")["tool"], tuple[Tool, ...])


def image_platforms() -> frozenset[str]:
    """Return the platforms that the image of uv is for."""
    return frozenset(_document("tools.toml")["image"]["platforms"])


def version_variables() -> dict[str, str]:
    """Return what says a project's version where version control cannot, by the normalized name of a plugin."""
    rows = msgspec.convert(_document("tools.toml")["version"], tuple[VersionPlugin, ...])
    return {name: row.variable for row in rows for name in row.names}


def system_needs() -> dict[str, SystemNeeds]:
    """Return what is needed, by the normalized name of a distribution."""
    rows = msgspec.convert(_document("packages.toml")["distribution"], tuple[SystemNeeds, ...])
    return {name: row for row in rows for name in row.names}


def always(what: str, os: str) -> tuple[str, ...]:
    """Return the packages that are the `compiler` or `git` of an operating system."""
    return tuple(_document("packages.toml")[what]["alpine" if os == "alpine" else "debian"])


def tool_for(lock: str, name: str | None = None, locker: str = "uv") -> Tool:
    """Return the tool for a kind of lock: the one called *name*, or the lock's own. *locker* is who could make a lock."""
    fitting = [tool for tool in tools() if tool.lock == lock]
    own = {"requirements": "pip"}.get(lock)
    for tool in fitting:
        if tool.name == name or (name is None and own in {None, tool.name}):
            return tool
    names = [tool.name for tool in tools()]
    if name is not None and name not in names:
        raise UsageError(f"there is no tool `{name}`", hints=(f"Choose one of {', '.join(dict.fromkeys(names))}",))
    if not fitting:
        raise ProjectError(
            "the project has no lock",
            causes=("what is not locked is another image tomorrow",),
            hints=(f"Run `{locker} lock`",),
        )
    can = " or ".join(f"`{tool.name}`" for tool in fitting)
    raise UsageError(f"`{name}` does not read this project's lock", causes=(f"it is one for {can}",))
