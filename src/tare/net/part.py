"""A file that is being downloaded: hashed while it grows, kept for the next run when it was interrupted.

It takes its final name in one step, when it is complete, verified and flushed to the disk.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final, Self

from tare.errors import IntegrityError, MachineError

_CHUNK: Final = 1024 * 1024


class Part:
    """The beginning of a file whose digest is known, or not.

    With a digest the beginning has a stable name and survives, since what is wrong with it would be found. Where the
    system has no advisory locks, or another process holds this one, it has a name of its own and goes with the object.
    """

    def __init__(self, target: Path, directory: Path, *, digest: str | None) -> None:
        self._target = target
        self._digest = digest
        self._algorithm, _, self._expected = (digest or "sha256:").partition(":")
        self._kept = False
        try:
            directory.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._handle, self.path = self._open(directory)
        except OSError as error:
            raise _failed(directory, error) from error
        self.size = 0
        """Bytes that are there."""
        self.resumed = 0
        """How many of them were there before."""
        self._hash = hashlib.new(self._algorithm)
        if self._kept:
            self._hash_what_is_there()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def digest(self) -> str:
        """The digest of what is there."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def write(self, data: bytes) -> None:
        """Append *data*."""
        self._hash.update(data)
        self.size += len(data)
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._handle, view) :]
        except OSError as error:
            raise _failed(self.path, error) from error

    def restart(self) -> None:
        """Forget what is there."""
        try:
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
        except OSError as error:
            raise _failed(self.path, error) from error
        self._hash = hashlib.new(self._algorithm)
        self.size = self.resumed = 0

    def commit(self) -> None:
        """Give the file its final name. Whoever calls this has compared `digest` and `size`."""
        if self._digest is not None and self.digest != self._digest:
            raise IntegrityError(
                f"`{self._target}` is not what was asked for",
                causes=(f"expected {self._digest}, got {self.digest}",),
            )
        try:
            os.fsync(self._handle)
            if os.name == "nt":
                self._release()  # Windows renames neither open files nor read-only ones
            else:
                os.fchmod(self._handle, 0o444)
            self.path.replace(self._target)
            _sync_directory(self._target.parent)
        except OSError as error:
            raise _failed(self._target, error) from error
        self._kept = True
        self._release()

    def close(self) -> None:
        """Let go; the beginning stays if it can be of use."""
        if self._handle < 0:
            return
        if not self._kept or not self.size:
            with contextlib.suppress(OSError):
                self.path.unlink()
        self._release()

    def _release(self) -> None:
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _open(self, directory: Path) -> tuple[int, Path]:
        if self._digest is not None:
            path = directory / f"{self._expected[:64]}.part"
            handle = _locked(path)
            if handle is not None:
                self._kept = True
                return handle, path
        handle, name = tempfile.mkstemp(dir=directory, prefix="download-", suffix=".part")
        return handle, Path(name)

    def _hash_what_is_there(self) -> None:
        with open(self._handle, "rb", closefd=False, buffering=0) as file:
            while data := file.read(_CHUNK):
                self._hash.update(data)
                self.size += len(data)
        self.resumed = self.size


def _locked(path: Path) -> int | None:
    """Open *path* for this process alone, or return None.

    The name can have been given to the finished file between opening and locking: then it is another file's by now.
    """
    try:
        import fcntl
    except ImportError:
        return None
    for _ in range(10):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found, opened = path.stat(), os.fstat(handle)
            if (found.st_ino, found.st_dev) == (opened.st_ino, opened.st_dev):
                return handle
        os.close(handle)
    return None


def _sync_directory(directory: Path) -> None:
    """Make the new name last, where the system lets a directory be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _failed(path: Path, error: OSError) -> MachineError:
    full = error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    hints = ("Free some space, and run the command again",) if full else ()
    return MachineError(f"cannot write `{path}`", causes=(error.strerror or str(error),), hints=hints)
