"""What a lock has for one distribution on one target: one of five kinds."""

from __future__ import annotations

import msgspec


class LockedWheel(msgspec.Struct, frozen=True, kw_only=True, tag="wheel"):
    """A wheel that the target accepts."""

    name: str
    """Normalized."""

    version: str

    filename: str
    """Checked: a wheel's name, without a directory."""

    hashes: dict[str, str]
    """Algorithm, and hexadecimal in lower case. At least one."""

    url: str | None = None
    """Without user information. Either this or `path` is there."""

    path: str | None = None
    """Absolute."""

    size: int | None = None
    """Bytes, when the lock knows it."""

    index: str | None = None
    """The index that it is from, when the lock knows it."""

    direct: bool = False
    """Whether the lock names this very file, not a version of an index (PEP 610)."""


class LockedSdist(msgspec.Struct, frozen=True, kw_only=True, tag="sdist"):
    """A source distribution of an index, since no wheel is for the target."""

    name: str
    version: str
    filename: str
    hashes: dict[str, str]
    url: str | None = None
    path: str | None = None
    size: int | None = None
    index: str | None = None

    offered: tuple[str, ...] = ()
    """The platform tags of the wheels that the lock has instead, for the error when it is not pure Python."""


class LockedDirectory(msgspec.Struct, frozen=True, kw_only=True, tag="directory"):
    """A source tree on this machine."""

    name: str
    path: str
    """Absolute."""

    editable: bool = False
    """Whether the lock asks for an editable installation. An image always has a copy."""

    subdirectory: str | None = None


class LockedVcs(msgspec.Struct, frozen=True, kw_only=True, tag="vcs"):
    """A commit of a repository."""

    name: str
    kind: str
    """`git`, `hg`, `bzr` or `svn` (PEP 610)."""

    commit: str
    url: str | None = None
    """May carry user information, since nothing else says who may clone it: print it through `redacted`."""

    path: str | None = None
    """Absolute."""

    requested: str | None = None
    """The branch or tag that was asked for, when it was locked."""

    subdirectory: str | None = None

    version: str | None = None
    """What the lock says that its source has, if it says it."""


class LockedArchive(msgspec.Struct, frozen=True, kw_only=True, tag="archive"):
    """A source archive at a URL or path, that no index lists."""

    name: str
    filename: str
    hashes: dict[str, str]
    url: str | None = None
    path: str | None = None
    size: int | None = None
    subdirectory: str | None = None

    version: str | None = None
    """What the lock says that its source has, if it says it."""


Locked = LockedWheel | LockedSdist | LockedDirectory | LockedVcs | LockedArchive
"""Read it with `match`, ending in `assert_never`."""


class Impossible(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution of a lock that a target needs and that has no file for it."""

    name: str
    version: str

    offered: tuple[str, ...]
    """The platform tags of its wheels."""

    tags: tuple[str, ...]
    """Their whole tags."""

    index: str | None = None
    """The index that it is from, when the lock knows it."""

    reason: str
