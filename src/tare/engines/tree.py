"""A directory tree that stays in itself: every path is walked here, one name at a time, and none is left to the kernel.

Symbolic links are read and followed by this code, with the tree's root as theirs, so that nothing in the tree can lead
out of it, whatever it contains. Names are bytes, as they are on Linux.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from typing import Final

MAX_LINKS: Final = 40
"""Symbolic links in one path; the kernel's own limit."""

MAX_DEPTH: Final = 200
"""Directories within each other. Each costs an open file while a path is walked; real images have at most some 30."""

_DIRECTORY: Final = getattr(os, "O_PATH", 0) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_LISTED: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)

Names = tuple[bytes, ...]
"""A path from the root, without links, `.` and `..`."""


class TreeError(Exception):
    """A path that cannot be walked: it loops, is too deep, or leads through what is no directory."""


class Tree:
    """The tree below the directory that is open as *root*. Closing the descriptor is the caller's."""

    def __init__(self, root: int) -> None:
        self._root = root

    def directory(self, path: Sequence[bytes], *, create: bool = False) -> tuple[int, Names]:
        """Open the directory at *path* and return it with its path without links.

        What is missing is created with mode 0755 if *create*; otherwise it is a `FileNotFoundError`.
        """
        opened = [os.dup(self._root)]
        names: list[bytes] = []
        left = list(reversed(path))
        links = 0
        try:
            while left:
                name = left.pop()
                if name in {b"", b"."}:
                    continue
                if name == b"..":
                    if names:
                        names.pop()
                        os.close(opened.pop())
                    continue
                child = self._enter(opened[-1], name, create=create)
                if isinstance(child, int):
                    opened.append(child)
                    names.append(name)
                    _check_depth(names)
                    continue
                links += 1
                if links > MAX_LINKS:
                    raise TreeError("its symbolic links lead in a circle")
                if child.startswith(b"/"):
                    names.clear()
                    for descriptor in opened[1:]:
                        os.close(descriptor)
                    del opened[1:]
                left += reversed(child.split(b"/"))
            return opened.pop(), tuple(names)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def locate(self, path: Sequence[bytes], *, create: bool = False) -> tuple[int, bytes]:
        """Return an open directory and a name in it: where *path* leads, through links, whether or not it is there.

        Missing directories are created if *create*. What the name stands for is no symbolic link.
        """
        *parent, name = path
        for _ in range(MAX_LINKS):
            directory, names = self.directory(parent, create=create)
            if not is_link(directory, name):
                return directory, _plain(directory, name)
            target = os.readlink(name, dir_fd=directory)
            os.close(directory)
            *tail, name = target.split(b"/")
            parent = tail if target.startswith(b"/") else [*names, *tail]
        raise TreeError("its symbolic links lead in a circle")

    def read(self, path: Sequence[bytes], limit: int) -> bytes:
        """Return up to *limit* bytes of the regular file at *path*."""
        directory, name = self.locate(path)
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
        finally:
            os.close(directory)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileNotFoundError(errno.ENOENT, "not a regular file")
            return file.read(limit)

    @staticmethod
    def _enter(parent: int, name: bytes, *, create: bool) -> int | bytes:
        """Open a directory, or return what a symbolic link in its place says."""
        try:
            return os.open(name, _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            if not create:
                raise
            os.mkdir(name, 0o755, dir_fd=parent)
            return os.open(name, _DIRECTORY, dir_fd=parent)
        except OSError:
            if not is_link(parent, name):
                raise
            return os.readlink(name, dir_fd=parent)


def _plain(directory: int, name: bytes) -> bytes:
    if name in {b"", b".", b".."}:
        os.close(directory)
        raise FileNotFoundError(errno.ENOENT, "not a name of a file")
    return name


def kind_of(parent: int, name: bytes) -> int | None:
    """Return the type bits of what is at *name* itself, or None if there is nothing."""
    try:
        return stat.S_IFMT(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None


def is_link(parent: int, name: bytes) -> bool:
    return kind_of(parent, name) == stat.S_IFLNK


def names_in(directory: int) -> list[bytes]:
    """Return the names in an open directory."""
    handle = os.open(b".", _LISTED, dir_fd=directory)
    try:
        return [os.fsencode(name) for name in os.listdir(handle)]  # a descriptor has no path
    finally:
        os.close(handle)


def open_directory(parent: int, name: bytes) -> int:
    """Open the directory at *name* itself, for listing and for changing its mode."""
    return os.open(name, _LISTED, dir_fd=parent)


def remove(parent: int, name: bytes) -> None:
    """Remove what is at *name* itself, with everything below it."""
    if kind_of(parent, name) != stat.S_IFDIR:
        os.unlink(name, dir_fd=parent)
        return
    _make_writable(parent, name)
    directory = open_directory(parent, name)
    try:
        for child in names_in(directory):
            remove(directory, child)
    finally:
        os.close(directory)
    os.rmdir(name, dir_fd=parent)


def size(path: str | os.PathLike[str]) -> int:
    """Return the bytes of the files below *path*, as far as they can be read; nothing is followed."""
    total = 0
    for parent, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.stat(os.path.join(parent, name), follow_symlinks=False)
                total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def _make_writable(parent: int, name: bytes) -> None:
    """A directory without write permission cannot be emptied by its owner, and one without read permission not opened."""
    os.chmod(name, 0o700, dir_fd=parent)


def _check_depth(names: Sequence[bytes]) -> None:
    if len(names) > MAX_DEPTH:
        raise TreeError(f"more than {MAX_DEPTH} directories lie in each other")
