"""Decompression of what Debian distributes: bounded in memory and in what comes out, with our errors."""

from __future__ import annotations

import io
import lzma
from collections.abc import Callable
from typing import BinaryIO, Final

from tare.errors import HostileInputError, IntegrityError
from tare.oci.compression import open_decompressed

_CHUNK: Final = 256 * 1024
_MEMORY: Final = 256 * 1024 * 1024
"""Bytes that a decoder may take; `xz -9` asks for 65 MiB."""


class _Xz:
    """One xz stream, read piece by piece."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_MEMORY)

    def read(self, size: int) -> bytes:
        while not self._decoder.eof:
            compressed = b""
            if self._decoder.needs_input:
                compressed = self._stream.read(_CHUNK)
                if not compressed:
                    raise lzma.LZMAError("it ends early")
            if data := self._decoder.decompress(compressed, size):
                return data
        if self._decoder.unused_data or self._stream.read(1):
            raise lzma.LZMAError("something follows its end")
        return b""


class _Bounded(io.RawIOBase):
    """Reads from *read*, up to *limit* bytes in all."""

    def __init__(self, read: Callable[[int], bytes], *, limit: int, what: str) -> None:
        self._read = read
        self._left = limit
        self._limit = limit
        self._what = what

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        try:
            data = self._read(len(buffer))
        except (lzma.LZMAError, EOFError) as error:
            raise IntegrityError(f"{self._what} is not sound", causes=(str(error).lower(),)) from None
        self._left -= len(data)
        if self._left < 0:
            raise HostileInputError(
                f"{self._what} is larger than it may be", causes=(f"the limit is {self._limit:,} bytes",)
            )
        buffer[: len(data)] = data
        return len(data)


def inflated(stream: BinaryIO, compression: str, *, limit: int, what: str) -> BinaryIO:
    """Return a reader of the plain bytes of *stream*. *compression* is `none`, `gzip`, `xz` or `zstd`."""
    read = _Xz(stream).read if compression == "xz" else open_decompressed(stream, compression, what=what).read
    return io.BufferedReader(_Bounded(read, limit=limit, what=what), _CHUNK)
