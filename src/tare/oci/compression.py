"""Compression of layers: the one pinned coder, gzip members, and readers that are bounded.

Compressed digests depend on the compressor's build (zlib and zlib-ng differ at every level, and ISA-L's output even
depends on the processor), so whatever tare compresses goes through `deflate` here: zlib-ng, level 6, of the exact
version that `pyproject.toml` pins. `docs/reproducibility.md` has the evidence.

RFC 1952 lets gzip members follow each other, and RFC 1951 lets stored blocks stand in a deflate stream.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from zlib_ng import zlib_ng

from tare.errors import IntegrityError

CODER: Final = f"zlib-ng {zlib_ng.ZLIBNG_VERSION} level 6"
"""What goes into the key of everything that is compressed."""

MEMBER_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, and 255 for the operating system: the fields that would differ between machines."""

MEMBER_OVERHEAD: Final = len(MEMBER_HEADER) + 8
"""Bytes that a gzip member adds to its deflate stream."""

_STORED_MAX: Final = 0xFFFF
_CHUNK: Final = 256 * 1024

crc32 = zlib_ng.crc32


def deflate(data: bytes | memoryview) -> bytes:
    """Return *data* as one raw deflate stream of the pinned coder."""
    coder = zlib_ng.compressobj(6, zlib_ng.DEFLATED, -15)
    return coder.compress(data) + coder.flush()


def deflater() -> Deflater:
    """Return a raw deflate stream to feed piece by piece; the pieces' bounds do not show in its output."""
    return Deflater()


class Deflater:
    """A raw deflate stream of the pinned coder whose output depends on the bytes alone, not on how they arrive."""

    def __init__(self) -> None:
        self._coder = zlib_ng.compressobj(6, zlib_ng.DEFLATED, -15)
        self._pending = bytearray()

    def compress(self, data: bytes | memoryview) -> bytes:
        # zlib's matches depend on how much input a call sees: feed it equal pieces.
        self._pending += data
        out = []
        while len(self._pending) >= _CHUNK:
            out.append(self._coder.compress(bytes(self._pending[:_CHUNK])))
            del self._pending[:_CHUNK]
        return b"".join(out)

    def flush(self) -> bytes:
        return self._coder.compress(bytes(self._pending)) + self._coder.flush()


def stored_size(size: int) -> int:
    """Return the length of `stored` for *size* bytes."""
    return size + 5 * max(1, -(-size // _STORED_MAX))


def stored(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield *size* bytes as stored deflate blocks, the last one marked final."""
    left = size
    pending = b""
    while True:
        want = min(left, _STORED_MAX)
        while len(pending) < want:
            pending += next(chunks)
        left -= want
        yield struct.pack("<BHH", left == 0, want, want ^ 0xFFFF) + pending[:want]
        pending = pending[want:]
        if left == 0:
            return


def trailer(crc: int, size: int) -> bytes:
    """Return the end of a gzip member: CRC-32 and size of its content, modulo 2³²."""
    return struct.pack("<II", crc, size & 0xFFFFFFFF)


def member(data: bytes | memoryview) -> bytes:
    """Return *data* as one gzip member of the pinned coder.

    >>> import gzip
    >>> gzip.decompress(member(b"tare"))
    b'tare'
    """
    return b"".join((MEMBER_HEADER, deflate(data), trailer(crc32(data), len(data))))


class _GzipReader(io.RawIOBase):
    """Decompresses gzip members one after the other; trailing bytes that are no member are an error."""

    def __init__(self, stream: BinaryIO, what: str) -> None:
        self._stream = stream
        self._what = what
        self._decoder = zlib_ng.decompressobj(31)
        self._pending = b""
        self._fresh = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        while True:
            data = self._step(len(buffer))
            if data is None:
                return 0
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _step(self, size: int) -> bytes | None:
        if not self._pending:
            self._pending = self._stream.read(_CHUNK)
        if not self._pending:
            if not self._fresh:
                raise IntegrityError(f"{self._what} ends within its compressed data")
            return None
        self._fresh = False
        try:
            data = self._decoder.decompress(self._pending, size)
        except zlib_ng.error as error:  # type: ignore[misc]  # the stub has a class, mypy sees a variable
            raise IntegrityError(f"{self._what} is not sound gzip data", causes=(str(error),)) from None
        if self._decoder.eof:
            self._pending = self._decoder.unused_data
            self._decoder = zlib_ng.decompressobj(31)
            self._fresh = True
        else:
            self._pending = self._decoder.unconsumed_tail
        return bytes(data)


def open_decompressed(stream: BinaryIO, compression: str, *, what: str) -> BinaryIO:
    """Return a reader of the uncompressed bytes. *compression* is `none`, `gzip` or `zstd`; *what* names the bytes."""
    if compression == "gzip":
        return io.BufferedReader(_GzipReader(stream, what), _CHUNK)
    if compression == "zstd":
        return _open_zstd(stream)
    return stream


def _open_zstd(stream: BinaryIO) -> BinaryIO:
    import zstandard  # 11 ms, and layers of this kind are rare

    # Docker and containerd write windows of at most 128 MiB; a larger one is a bomb.
    decoder = zstandard.ZstdDecompressor(max_window_size=128 * 1024 * 1024)
    return io.BufferedReader(decoder.stream_reader(stream, read_across_frames=True), _CHUNK)


def sniff(head: bytes) -> str:
    """Return the compression that the first bytes of a layer show; an archive's manifest does not say it."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    return "none"
