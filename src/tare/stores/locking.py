"""One writer at a time: a lock that the system releases when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock on the file at *path*, which is created empty if it is not there."""
    handle = _open_locked(path)
    try:
        yield
    finally:
        _release(handle)


def _open_locked(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        _acquire(handle)
        # Somebody may have put another file there while we waited; a lock on the old one guards nothing.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        _release(handle)


def _acquire(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        _acquire_on_windows(handle)
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


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


def _release(handle: int) -> None:
    os.close(handle)  # This also ends the lock, on every system.
