"""One writer at a time, or many readers: locks that the system releases when their holder ends, however it ends."""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock on the file at *path* alone. The file is created empty if it is not there.

    Without *wait*, a lock that somebody else holds is a `BlockingIOError`.
    """
    handle = _open_locked(path, _Mode.ALONE if wait else _Mode.ALONE_NOW)
    try:
        yield
    finally:
        os.close(handle)  # This also ends the lock, on every system.


@contextlib.contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the lock on the file at *path* together with others who do so. The file is created if it is not there."""
    handle = _open_locked(path, _Mode.SHARED)
    try:
        yield
    finally:
        os.close(handle)


class _Mode(enum.Enum):
    ALONE = 1
    ALONE_NOW = 2
    SHARED = 3


def _open_locked(path: Path, mode: _Mode) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            _acquire(handle, mode)
            # Somebody may have put another file there while we waited; a lock on the old one guards nothing.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _acquire(handle: int, mode: _Mode) -> None:
    try:
        import fcntl
    except ImportError:
        _acquire_on_windows(handle)
        return
    flags = {_Mode.ALONE: fcntl.LOCK_EX, _Mode.ALONE_NOW: fcntl.LOCK_EX | fcntl.LOCK_NB, _Mode.SHARED: fcntl.LOCK_SH}
    fcntl.flock(handle, flags[mode])


def _acquire_on_windows(handle: int) -> None:  # pragma: no cover  # not on the machines that run the tests
    import sys

    if sys.platform == "win32":
        import msvcrt
        import time

        os.lseek(handle, 1 << 30, os.SEEK_SET)  # beyond the content: Windows' locks keep readers out
        while True:
            with contextlib.suppress(OSError):
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
                return
            time.sleep(0.05)
