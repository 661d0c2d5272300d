"""The members of a tar archive by name, read from where they lie."""

from __future__ import annotations

import io
import os
import posixpath
import threading
from pathlib import Path
from typing import BinaryIO, Final

from tare.errors import HostileInputError, IntegrityError, MachineError, UsageError
from tare.oci import compression, tar
from tare.stores import files

MAX_MEMBERS: Final = 100_000
"""Files in an archive of images. Docker's own have a handful for each layer."""
_LINKS: Final = 8
"""How many links may lead from a name to its content."""


class Members:
    """An index of the files in an archive: nothing of them is held, and any number can be read at the same time."""

    def __init__(self, file: Path | BinaryIO, *, what: str, scratch: Path | None) -> None:
        self._what = what
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        with _seekable(file, what, scratch) as stream:
            self._index(stream)
            self._handle = _Handle(os.dup(stream.fileno()))

    def __contains__(self, path: str) -> bool:
        return path in self._places or path in self._links

    def size(self, path: str, *, what: str) -> int:
        """Return the size of a member in bytes."""
        return self._find(path, what)[1]

    def open(self, path: str, size: int, *, what: str) -> io.BufferedReader:
        """Open a member that has *size* bytes. *what* names it in errors."""
        offset, actual = self._find(path, what)
        if actual != size:
            raise IntegrityError(f"{what} is damaged", causes=(f"expected {size} bytes, found {actual} in `{path}`",))
        return io.BufferedReader(_Slice(self._handle, offset, size), files.CHUNK)

    def bounded(self, path: str, limit: int) -> bytes:
        """Return the content of a member that must not have more than *limit* bytes."""
        what = f"`{path}` of {self._what}"
        size = self.size(path, what=what)
        if size > limit:
            raise HostileInputError(f"{what} is too large", causes=(f"it has {size} bytes; the limit is {limit}",))
        with self.open(path, size, what=what) as stream:
            return stream.read()

    def _index(self, stream: BinaryIO) -> None:
        for entry in tar.TarReader(stream, what=self._what):
            if entry.kind == "directory":
                continue
            path = posixpath.normpath(entry.path)
            if path in self:
                raise HostileInputError(f"{self._what} is ambiguous", causes=(f"it has `{path[:200]}` twice",))
            if len(self._places) + len(self._links) >= MAX_MEMBERS:
                raise HostileInputError(f"{self._what} is not an archive of images", causes=("it has too many files",))
            if entry.kind == "file":
                self._places[path] = (stream.tell(), entry.size)
            elif entry.kind == "symlink":
                self._links[path] = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.target))
            elif entry.kind == "hardlink":
                self._links[path] = posixpath.normpath(entry.target)

    def _find(self, path: str, what: str) -> tuple[int, int]:
        name = posixpath.normpath(path)
        for _ in range(_LINKS):
            if name in self._places:
                return self._places[name]
            if name not in self._links:
                break
            name = self._links[name]
        raise IntegrityError(f"{what} is missing", causes=(f"the archive has no file `{path[:200]}`",))


class _Handle:
    """One open file that many slices read from. It is closed with the last of them."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def read_at(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, size, offset)
        with self._lock:  # Windows
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, size)

    def __del__(self) -> None:
        os.close(self._descriptor)


class _Slice(io.RawIOBase):
    def __init__(self, handle: _Handle, offset: int, size: int) -> None:
        self._handle = handle
        self._offset = offset
        self._end = offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        data = self._handle.read_at(self._offset, min(len(buffer), self._end - self._offset))
        self._offset += len(data)
        buffer[: len(data)] = data
        return len(data)


def _seekable(file: Path | BinaryIO, what: str, scratch: Path | None) -> BinaryIO:
    """Return the plain archive as a file that can be read anywhere. What is given is closed, then or later."""
    try:
        stream = file.open("rb") if isinstance(file, Path) else file
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"{what} does not exist", causes=(error.strerror or str(error),)) from None
    except OSError as error:
        raise MachineError(f"cannot read {what}", causes=(error.strerror or str(error),)) from None
    if stream.seekable():
        head = stream.read(4)
        stream.seek(-len(head), os.SEEK_CUR)
    else:
        stream = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]  # a BinaryIO has what it needs
        head = stream.peek(4)[:4]
    kind = compression.sniff(head)
    if kind == "none" and stream.seekable() and _is_file(stream):
        return stream
    with stream:
        return _spool(compression.open_decompressed(stream, kind, what=what), what, scratch)


def _is_file(stream: BinaryIO) -> bool:
    try:
        return stream.fileno() >= 0
    except OSError:  # a stream in memory
        return False


def _spool(stream: BinaryIO, what: str, scratch: Path | None) -> BinaryIO:
    import shutil

    spool = files.unnamed(scratch)
    try:
        shutil.copyfileobj(stream, spool, files.CHUNK)
    except OSError as error:
        spool.close()
        raise files.cannot_write(f"a temporary file for {what}", error) from None
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool
