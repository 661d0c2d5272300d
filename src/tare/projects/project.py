"""A project: what its own files say about it, before anything is resolved."""

from __future__ import annotations

import hashlib
import os

import msgspec

from tare.errors import ProjectError
from tare.projects import memo
from tare.projects.config import ToolConfig
from tare.projects.discovery import Lock, find


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What the files of a project say, without running anything."""

    root: str
    """The absolute path of its directory."""

    name: str | None = None
    """As it is written; `None` when nothing names it."""

    version: str | None = None
    """`None` when its build backend decides it."""

    requires_python: str | None = None
    """A version specifier (PEP 440)."""

    has_build_system: bool = False
    """Whether it is built into a wheel; if not, its sources go into the image."""

    scripts: dict[str, str] = msgspec.field(default_factory=dict)
    """Console scripts: a command's name, and the `module:attribute` behind it."""

    gui_scripts: dict[str, str] = msgspec.field(default_factory=dict)

    dependencies: tuple[str, ...] = ()
    """Requirements (PEP 508), as `[project]` or the script's metadata has them."""

    has_dependencies: bool = False
    """Whether anything is to be installed besides the project: also when only a backend or Poetry knows what."""

    is_unlocked_pipfile: bool = False
    """Whether what is to be installed is in a `Pipfile` alone, which nothing here resolves."""

    extras: tuple[str, ...] = ()
    """Normalized names, sorted."""

    groups: tuple[str, ...] = ()
    """Normalized names of its dependency groups, sorted."""

    manifest: str | None = None
    """The absolute path of its `pyproject.toml`, or of the script."""

    script: str | None = None
    """The absolute path of the script, when that is the whole project."""

    lock: Lock | None = None
    """`None` when there is nothing to resolve from: sources alone."""

    workspace: str | None = None
    """The absolute path of the uv workspace whose lock it shares, when that is another directory."""

    config: ToolConfig = ToolConfig()

    warnings: tuple[str, ...] = ()


def read(
    path: str | os.PathLike[str], *, lock: str | os.PathLike[str] | None = None, memo_directory: str | None = None
) -> Project:
    """Read the project at *path*: a directory, one of its lockfiles or manifests, or a script.

    *lock* names the lockfile to take instead of the one that would be found. What was decoded is remembered in
    *memo_directory* by the content of the manifest, since decoding TOML costs more than everything else here.
    """
    found = find(os.path.abspath(path), os.path.abspath(lock) if lock is not None else None)
    where = msgspec.json.encode(msgspec.structs.replace(found, data=b"", pipfile=b""))
    key = memo.key("project", (where, found.data, found.pipfile))
    kept = memo.decoded(memo.recall(memo_directory, key), Project)
    if kept is not None:
        return kept
    from tare.projects.manifest import decode

    try:
        project = decode(found)
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        cause = f"a value in it has another form than its specification says: {str(error)[:200]}"
        raise ProjectError(
            f"`{os.path.basename(found.manifest or found.root)}` cannot be read", causes=(cause,)
        ) from error
    memo.keep(memo_directory, key, msgspec.json.encode(project))
    return project


def digest(path: str) -> str | None:
    """Return the SHA-256 of the file at *path*, or of a directory's listing; or `None` when there is none."""
    try:
        if os.path.isdir(path):
            from tare.projects.watched import listing

            return hashlib.sha256(listing(path).encode("utf-8", "surrogateescape")).hexdigest()
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
