"""`pylock.toml`: read as it is.

https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import os
import re
from typing import Any

from packaging.pylock import Pylock, PylockUnsupportedVersionError, PylockValidationError

from tare.errors import ProjectError
from tare.projects import files
from tare.projects.discovery import Lock
from tare.projects.locks.interface import Request, Resolution
from tare.projects.names import check_known, normalize
from tare.projects.project import Project
from tare.projects.uv import Uv

_MOST = 20
"""How many problems are said at once."""

_first_package = re.compile(r"^packages\[0\]")


def resolve(lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution:  # noqa: ARG001 - the protocol
    """Read the lock; nothing is asked of uv."""
    found = parse(files.toml(lock.path), lock.name)
    groups = {normalize(name): name for name in found.dependency_groups or ()}
    check_known("extra", request.extras, tuple(found.extras or ()), lock.name)
    check_known("group", request.groups, tuple(groups), lock.name)
    return Resolution(
        pylock=found,
        origin=lock.name,
        directory=os.path.dirname(lock.path),
        pinned=True,
        hashed=True,
        extras=request.extras,
        groups=tuple(dict.fromkeys((*(found.default_groups or ()), *(groups[name] for name in request.groups)))),
        inputs=(lock.path,),
    )


def parse(document: dict[str, Any], name: str) -> Pylock:
    """Validate *document*, or raise `ProjectError` with everything that is wrong with it."""
    try:
        return Pylock.from_dict(document)
    except PylockUnsupportedVersionError as error:
        raise ProjectError(f"`{name}` cannot be read", causes=(str(error),)) from error
    except PylockValidationError as error:
        causes = _problems(document) or [_said(error)]
        more = [f"and {len(causes) - _MOST} more"] if len(causes) > _MOST else []
        raise ProjectError(f"`{name}` is not a valid lockfile", causes=(*causes[:_MOST], *more)) from error


def _problems(document: dict[str, Any]) -> list[str]:
    """Return what is wrong at the top, and with each package: the library stops at the first."""
    found = []
    packages = document.get("packages")
    if not isinstance(packages, list):
        packages = []
    else:
        document = {**document, "packages": []}
    first = _problem(document)
    if first is not None:
        found.append(first)
    for index, package in enumerate(packages):
        problem = _problem({"lock-version": "1.0", "created-by": "tare", "packages": [package]})
        if problem is not None:
            found.append(_first_package.sub(f"packages[{index}]", problem))
    return found


def _problem(document: dict[str, Any]) -> str | None:
    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        return _said(error)
    return None


def _said(error: PylockValidationError) -> str:
    return f"{error.context}: {error.message}" if error.context else error.message
