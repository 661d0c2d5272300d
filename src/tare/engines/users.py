"""Who a container runs as: `USER[:GROUP]` of an image, looked up in the image's own files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tare.engines.tree import Tree, TreeError
from tare.errors import UsageError

_LIMIT: Final = 1024 * 1024
"""Bytes that are read of `/etc/passwd` and of `/etc/group`."""
_MAX_ID: Final = 2**32 - 2


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user as the kernel knows one."""

    uid: int
    gid: int

    groups: tuple[int, ...] = ()
    """Supplementary groups."""

    home: str = "/"


def find_user(rootfs: Path, text: str) -> User:
    """Return the user that *text* means in *rootfs*; root when it is empty.

    A number need not be in the image's files. A name must.
    """
    root = os.open(rootfs, os.O_RDONLY | os.O_DIRECTORY)
    try:
        passwd, group = _rows(root, b"passwd"), _rows(root, b"group")
    finally:
        os.close(root)
    who, _, in_group = (text or "0").partition(":")
    row = next((row for row in passwd if len(row) > 5 and who in {row[0], row[2]}), None)
    uid, gid = _number(who if row is None else row[2], text), _number(row[3] if row else "0", text)
    if in_group:
        found = next((row for row in group if len(row) > 2 and in_group in {row[0], row[2]}), None)
        gid = _number(found[2] if found else in_group, text)
        return User(uid=uid, gid=gid, home=row[5] if row else "/")
    name = row[0] if row else None
    groups = tuple(int(row[2]) for row in group if len(row) > 3 and name in row[3].split(",") and row[2].isdigit())
    return User(uid=uid, gid=gid, groups=groups, home=(row[5] or "/") if row else "/")


def _rows(root: int, name: bytes) -> list[list[str]]:
    try:
        text = Tree(root).read([b"etc", name], _LIMIT)
    except (OSError, TreeError):
        return []
    return list(_split(text.decode("utf-8", "replace")))


def _split(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split(":")


def _number(text: str, user: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _MAX_ID:
        raise UsageError(
            f"the user `{user}` is not in the image",
            causes=(f"`{text}` is no number, and no name in its `/etc/passwd` or `/etc/group`",),
        )
    return int(text)
