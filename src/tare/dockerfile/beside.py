"""What lies beside a Dockerfile: the project, its lock, and the build's context. Read when a rule asks."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from tare.errors import TareError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tare.projects.dockerignore import Patterns
    from tare.projects.locked import Locked
    from tare.projects.locks.interface import Resolution
    from tare.projects.project import Project
    from tare.projects.uv import Uv
    from tare.wheels.target import Target

MANIFESTS = ("pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "pylock.toml", "requirements.txt")
_LARGEST = 1024 * 1024
"""Bytes. A larger file is no entrypoint."""

LOCKS = ("pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")


class Beside:
    """The directory that a build is given, as far as it is known."""

    def __init__(
        self,
        root: str | None = None,
        *,
        dockerfile: str | None = None,
        uv: Callable[[], Uv] | None = None,
        memo: str | None = None,
    ) -> None:
        self.root = root
        """Its absolute path; None for a Dockerfile that came from elsewhere."""

        self._dockerfile = dockerfile
        self._uv = uv
        """Makes what reads locks; called only when a rule asks for one."""
        self._memo = memo
        self.notes: list[str] = []
        """What could not be read, for the person who asked."""

    @cached_property
    def project(self) -> Project | None:
        """The project; None when there is none."""
        if self.root is None or not any(os.path.isfile(os.path.join(self.root, name)) for name in MANIFESTS):
            return None
        from tare.projects.project import read

        return read(self.root, memo_directory=self._memo)

    @cached_property
    def locks(self) -> tuple[str, ...]:
        """The names of the locks that are there."""
        return tuple(name for name in LOCKS if self.has(name))

    def has(self, path: str) -> bool:
        """Return whether *path*, relative to the context, is a file."""
        return self.root is not None and os.path.isfile(os.path.join(self.root, path))

    def read(self, path: str) -> bytes | None:
        """Return the content of *path*, relative to the context; None when it is none of its files, or too large."""
        if self.root is None or os.path.isabs(path) or ".." in path.split("/"):
            return None
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                data = file.read(_LARGEST + 1)
        except OSError:
            return None
        return data if len(data) <= _LARGEST else None

    @cached_property
    def ignored(self) -> Patterns | None:
        """What `.dockerignore` leaves out; None when there is none."""
        if self.root is None:
            return None
        from tare.projects.dockerignore import Patterns, parse

        own = f"{self._dockerfile}.dockerignore" if self._dockerfile else None
        for path in (own, os.path.join(self.root, ".dockerignore")):
            if path is None or not os.path.isfile(path):
                continue
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    return Patterns(parse(file.read(_LARGEST), os.path.basename(path)))
            except (OSError, TareError) as error:
                self._note(error)
        return None

    @cached_property
    def resolution(self) -> Resolution | None:
        """The project's lock; None when there is none, or it cannot be read without a network."""
        project = self.project
        if project is None or self._uv is None or project.lock is None or project.lock.kind in {"pyproject", "script"}:
            return None
        from tare.projects.locks.interface import Request
        from tare.projects.resolve import resolve

        try:
            return resolve(project, Request(python="3.13"), self._uv())
        except TareError as error:
            self._note(error)
            return None

    def selected(self, target: Target) -> Sequence[Locked] | None:
        """Return what *target* takes of the lock; None when there is no lock, or it does not fit at all."""
        resolution = self.resolution
        if resolution is None:
            return None
        from tare.projects.selection import select

        try:
            return select(resolution, target)
        except TareError:
            return None

    def _note(self, error: Exception) -> None:
        if isinstance(error, TareError):
            causes = f": {error.causes[0]}" if error.causes else ""
            self.notes.append(f"{error.message}{causes}")
        else:
            self.notes.append(str(error))
