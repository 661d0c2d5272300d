"""A workspace of uv: its members, which share one lock, and what one of them needs of the others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tare.errors import UsageError
from tare.projects import files
from tare.projects.discovery import workspace_above
from tare.projects.names import normalize
from tare.projects.values import nearest

_LOCK = "uv.lock"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A project whose lock is the workspace's."""

    name: str
    """Normalized."""

    path: str
    """Its directory, relative to the workspace's, with `/`; `.` for the one that has the lock."""

    is_needed: bool = True
    """Whether what was asked about is this one, or depends on it."""


def member_directory(path: str, name: str) -> str:
    """Return the directory of the member *name* of the workspace at *path*, or that *path* is in."""
    directory = os.path.abspath(path if os.path.isdir(path) else os.path.dirname(path))
    root = directory if os.path.isfile(os.path.join(directory, _LOCK)) else workspace_above(directory)
    if root is None:
        raise UsageError(
            f"`{os.path.basename(directory)}` is no workspace",
            causes=(f"`--package {name}` names a member of one, and there is no `{_LOCK}`",),
            hints=("Leave it out, or run `uv lock`",),
        )
    found = {member.name: member.path for member in members(os.path.join(root, _LOCK))}
    wanted = normalize(name)
    if wanted not in found:
        near = nearest(wanted, tuple(found))
        raise UsageError(
            f"the workspace has no member `{name}`",
            causes=(f"`{_LOCK}` has {', '.join(f'`{each}`' for each in sorted(found)) or 'none'}",),
            hints=(f"Did you mean `--package {near}`?",) if near else (),
        )
    return os.path.normpath(os.path.join(root, found[wanted]))


def members(lock: str, needed_by: str | None = None) -> tuple[Member, ...]:
    """Return the members that *lock* names, sorted; those that *needed_by* leads to are needed, or all."""
    document = files.toml(lock)
    named = document.get("manifest", {}).get("members", ())
    every = {package["name"]: package for package in document.get("package", ()) if _directory(package) is not None}
    own = {name: package for name, package in every.items() if name in named or _directory(package) == "."}
    reached = _reached(document, normalize(needed_by)) if needed_by is not None else own.keys()
    return tuple(
        Member(name=name, path=_directory(package) or ".", is_needed=name in reached)
        for name, package in sorted(own.items())
    )


def directories(lock: str) -> tuple[str, ...]:
    """Return the directories, relative to *lock*, whose manifests uv reads when it asks whether the lock is fresh."""
    found = (_directory(package) for package in files.toml(lock).get("package", ()))
    return tuple(sorted(path for path in found if path not in {None, "."}))


def _directory(package: Mapping[str, Any]) -> str | None:
    source = package.get("source", {})
    path = source.get("editable") or source.get("virtual") or source.get("directory")
    return os.path.normpath(path).replace(os.sep, "/") if isinstance(path, str) else None


def _reached(document: Mapping[str, Any], name: str) -> set[str]:
    """Return the names that the package *name* depends on in any way, extras and groups included, and its own."""
    edges: dict[str, set[str]] = {}
    for package in document.get("package", ()):
        edges.setdefault(package["name"], set()).update(_needs(package))
    found, waiting = {name}, [name]
    while waiting:
        new = edges.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _needs(package: Mapping[str, Any]) -> Iterator[str]:
    tables = (*package.get("optional-dependencies", {}).values(), *package.get("dev-dependencies", {}).values())
    for table in (package.get("dependencies", ()), *tables):
        yield from (each["name"] for each in table)
