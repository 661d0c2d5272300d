"""Writing files so that a reader sees all of one or nothing."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from tare.errors import MachineError

TEMPORARY: Final = ".tare-"
"""How the names of files begin that are being written. A writer that holds the lock may remove the others'."""

CHUNK: Final = 1024 * 1024

_BINARY: Final = getattr(os, "O_BINARY", 0)
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_NON_BLOCKING: Final = getattr(os, "O_NONBLOCK", 0)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading. A symbolic link, or a FIFO that would hold the reader up, is refused."""
    handle = os.open(path, os.O_RDONLY | _BINARY | _NO_FOLLOW | _NON_BLOCKING)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(0, "not a regular file", str(path))
    return os.fdopen(handle, "rb")


@contextlib.contextmanager
def temporary(directory: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Give a new file in *directory*; it is removed at the end unless it was renamed."""
    path = directory / f"{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY | _NO_FOLLOW, 0o644)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


def unnamed(directory: Path | None) -> BinaryIO:
    """Return an empty file without a name in *directory*, which is made, or where the system has such files.

    The caller closes it.
    """
    import tempfile

    try:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=directory)
    except OSError as error:
        raise cannot_write(f"`{directory or tempfile.gettempdir()}`", error) from None


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file at *path* by *data*, durably."""
    with temporary(path.parent) as (name, file):
        file.write(data)
        flush(file)
        file.close()
        name.replace(path)
    sync_directory(path.parent)


def flush(file: BinaryIO) -> None:
    """Wait until what was written to *file* is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Wait until the names in *directory* are on the disk. Windows has nothing of the kind, and needs nothing."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_abandoned(directory: Path) -> None:
    """Remove what killed writers left in *directory*. Only for who holds the lock that writers take."""
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(directory):
            if entry.name.startswith(TEMPORARY):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()


def cannot_write(what: str, error: OSError) -> MachineError:
    """Return the error for a place that cannot be written to."""
    import errno

    full = error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    return MachineError(
        f"cannot write to {what}",
        causes=(error.strerror or str(error),),
        hints=("Free some space, or choose another place",) if full else (),
    )
