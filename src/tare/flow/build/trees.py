"""Source trees that a build backend is run on: what decides the outcome, and a copy that the backend may write to.

A backend sees every file, whatever `.dockerignore` says, and some write beside them; so what is hashed is all that is
copied, and what is built is the copy.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tare.errors import MachineError
from tare.oci.digest import Digest, sha256

_NEVER: Final = frozenset(
    [
        "__pycache__",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".eggs",
        "node_modules",
    ]
)
"""Directories that tools make and no backend packs."""

_TOP: Final = frozenset({"build", "dist"})
"""The same, at the top of a tree: backends write there, and setuptools would find there what was deleted since."""


_MARKS: Final = ("pyvenv.cfg", "oci-layout", "CACHEDIR.TAG")
"""A directory with one of these is a virtual environment, an image, or a cache: our own may lie in the project."""


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file before it is built."""

    digest: Digest
    """Of its content, or of what a link points to."""

    executable: bool


def listing(root: str) -> dict[str, SourceFile]:
    """Return every file below *root* that a backend could see, without its repository, sorted by path."""
    return {path: _read(os.path.join(root, path)) for path in sorted(_paths(root))}


def identity(root: str, environment: Mapping[str, str]) -> Digest:
    """Return the digest of all that a wheel of *root* follows from: its files, and the state of its repository."""
    files = {path: (file.digest, file.executable) for path, file in listing(root).items()}
    return sha256(msgspec.json.encode((files, revision(root, environment))))


def copied(root: str, scratch: Path) -> Path:
    """Return a copy of *root* in *scratch*, with its repository, since versions come from there."""
    import shutil

    def ignore(directory: str, names: list[str]) -> set[str]:
        top = os.path.realpath(directory) == os.path.realpath(root)
        return {name for name in names if _is_made(os.path.join(directory, name), name, top=top)}

    tree = scratch / os.path.basename(os.path.realpath(root))
    try:
        shutil.copytree(root, tree, symlinks=True, ignore=ignore)
    except shutil.Error as error:
        raise MachineError(f"cannot copy `{root}`", causes=tuple(str(each[2]) for each in error.args[0][:3])) from None
    return tree


def revision(root: str, environment: Mapping[str, str]) -> str:
    """Return how git describes the commit of *root*: commit and tags are what versions are worked out from."""
    if not any((Path(root, *([".."] * depth)) / ".git").exists() for depth in range(6)):
        return ""
    import subprocess

    words = ["git", "-C", root, "describe", "--tags", "--always", "--long", "--abbrev=40", "--dirty"]
    try:
        done = subprocess.run(words, env=dict(environment), capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def _paths(root: str) -> Iterator[str]:
    waiting = [""]
    while waiting:
        directory = waiting.pop()
        with os.scandir(os.path.join(root, directory)) as entries:
            for entry in entries:
                path = f"{directory}/{entry.name}" if directory else entry.name
                if entry.name == ".git" or _is_made(entry.path, entry.name, top=not directory):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
                    yield path


def _is_made(path: str, name: str, *, top: bool) -> bool:
    """Return whether a tool made what is at *path*, so that no wheel follows from it."""
    if name in _NEVER or name.endswith(".egg-info") or (top and name in _TOP):
        return os.path.isdir(path) and not os.path.islink(path)
    return any(os.path.isfile(os.path.join(path, mark)) for mark in _MARKS)


def _read(path: str) -> SourceFile:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return SourceFile(digest=sha256(os.fsencode(os.readlink(path))), executable=False)
    with open(path, "rb") as file:
        digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    return SourceFile(digest=digest, executable=bool(status.st_mode & stat.S_IXUSR))
