"""What every lock becomes, and what turns one into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from tare.projects.discovery import Lock
from tare.projects.project import Project
from tare.projects.uv import Uv

if TYPE_CHECKING:
    from packaging.pylock import Pylock


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a project, besides what it needs always."""

    python: str
    """The series of the target's interpreter, such as `3.13`: what has no lock is resolved for it."""

    extras: tuple[str, ...] = ()
    """Normalized."""

    groups: tuple[str, ...] = ()
    """Normalized names of dependency groups. None by default: development has its own groups."""


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """A PEP 751 lock, and how far it can be trusted."""

    pylock: Pylock

    origin: str
    """The name of the file that it comes from."""

    directory: str
    """The absolute path that relative paths in the lock start from."""

    pinned: bool
    """Whether the input itself named every version; if not, uv has just chosen."""

    hashed: bool
    """Whether the input itself named every hash."""

    extras: tuple[str, ...] = ()
    """What `select` asks the lock for; empty where the extras were chosen on the way."""

    groups: tuple[str, ...] = ()
    """The same for dependency groups."""

    inputs: tuple[str, ...] = ()
    """The absolute paths of every file that was read: when none has changed, neither has the resolution."""

    warnings: tuple[str, ...] = ()


class LockFormat(Protocol):
    """A module of this package: it turns its kind of lock into a resolution."""

    def resolve(self, lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution: ...
