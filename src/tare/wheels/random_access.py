"""Bytes of an archive, from wherever it lies: a file, or memory."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Final, Protocol

_CHUNK: Final = 1024 * 1024
"""Bytes that may be read before the pages that held them are given back."""

_READ_AROUND: Final = 64 * 1024
"""Bytes that Linux maps in for one that is touched."""


class Bytes(Protocol):
    """Random access to an archive's bytes, wherever it lies."""

    @property
    def size(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes | memoryview:
        """Return exactly *length* bytes from *offset*."""
        ...


class MappedFile:
    """A file's bytes, mapped: nothing is copied that is not asked for, and nothing stays that was read."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self.size else None
        self._view = memoryview(self._map or b"")
        self._touched = 0

    def read_at(self, offset: int, length: int) -> memoryview:
        self._touched += max(length, _READ_AROUND)
        if self._touched > _CHUNK:
            self._touched = 0
            if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
                # Pages of a mapped file count as the process's memory until they are given back.
                self._map.madvise(mmap.MADV_DONTNEED)
        return self._view[offset : offset + length]


class HeldBytes:
    """An archive that is held in memory."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._view = memoryview(data)

    def read_at(self, offset: int, length: int) -> memoryview:
        """Return exactly *length* bytes from *offset*."""
        return self._view[offset : offset + length]
