"""Compression of layers: the one pinned coder, gzip members, and readers that are bounded.

Compressed digests depend on the compressor's build (zlib and zlib-ng differ at every level, and ISA-L's output even
depends on the processor), so whatever tare compresses goes through `deflate` here: zlib-ng, level 6, of the exact
version that `pyproject.toml` pins. `docs/reproducibility.md` has the evidence.

RFC 1952 lets gzip members follow each other, and RFC 1951 lets stored blocks stand in a deflate stream.
"""

from __future__ import annotations

import io
import struct
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, ClassVar, Final

from zlib_ng import zlib_ng

from tare.errors import IntegrityError

CODER: Final = f"zlib-ng {zlib_ng.ZLIBNG_VERSION} level 6"
"""What goes into the key of everything that is compressed."""

ZSTD_CODER: Final = "zstandard 0.25.0 level 3"
"""The same for zstd, of the exact version that `pyproject.toml` pins."""

DENSE_CODER: Final = "libdeflate of deflate 0.9.0 level 10, members of 4 MiB"
"""The same for gzip that is small before it is made quickly, of the exact version that `pyproject.toml` pins."""

MEMBER_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, and 255 for the operating system: the fields that would differ between machines."""

_STORED_MAX: Final = 0xFFFF
_CHUNK: Final = 256 * 1024
_DENSE_CHUNK: Final = 4 * 1024 * 1024
"""Bytes in one member of `dense_members`. libdeflate wants all of its input at once; smaller ones cost bytes to pull."""

crc32 = zlib_ng.crc32


def deflate(data: bytes | memoryview) -> bytes:
    """Return *data* as one raw deflate stream of the pinned coder."""
    return zlib_ng.compress(data, 6, -15)


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


class _FrameReader(io.RawIOBase):
    """Decompresses frames (gzip members, zstd frames) that follow each other to the end of the bytes."""

    format: ClassVar[str]
    slice: ClassVar[int] = 64 * 1024
    """Bytes that a decoder gets at once. It copies what it did not use, which a row of tiny frames would make dear."""

    def __init__(self, stream: BinaryIO, what: str, *, owned: bool = False) -> None:
        self._stream = stream
        self._owned = owned
        self._what = what
        self._decoder = self._fresh()
        self._pending = b""
        self._between = False
        """Whether a frame has ended and the next has not begun."""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if self._owned:
            self._stream.close()
        super().close()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        while True:
            data = self._step(len(buffer))
            if data is None:
                return 0
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _step(self, size: int) -> bytes | None:
        """Return up to *size* bytes, perhaps none yet; None at the end."""
        if not self._pending:
            self._pending = self._stream.read(self.slice)
        if not self._pending:
            if not self._between:
                raise IntegrityError(f"{self._what} ends within its compressed data")
            return None
        if self._between:
            self._decoder = self._fresh()
        data = self._decode(size)
        self._between = self._decoder.eof
        self._pending = self._decoder.unused_data if self._between else self._decoder.unconsumed_tail
        return data

    @abstractmethod
    def _fresh(self) -> Any:  # noqa: ANN401  # zlib-ng's and zstandard's decoders, which share attributes and no type
        """Return a decoder for the next frame."""

    @abstractmethod
    def _decode(self, size: int) -> bytes:
        """Return up to *size* bytes of what is pending, decoded."""

    def _unsound(self, error: Exception) -> IntegrityError:
        return IntegrityError(f"{self._what} is not sound {self.format} data", causes=(str(error),))


class _GzipReader(_FrameReader):
    format = "gzip"

    def _fresh(self) -> Any:  # noqa: ANN401  # as above
        return zlib_ng.decompressobj(31)

    def _decode(self, size: int) -> bytes:
        try:
            return bytes(self._decoder.decompress(self._pending, size))
        except zlib_ng.error as error:  # type: ignore[misc]  # the stub has a class, mypy sees a variable
            raise self._unsound(error) from None


class _ZstdReader(_FrameReader):
    """Its decoder has no limit for output, but four bytes give 128 KiB at most: small slices are the bound."""

    format = "zstd"
    slice = 1024

    def __init__(self, stream: BinaryIO, what: str, *, owned: bool = False) -> None:
        super().__init__(stream, what, owned=owned)
        self._ready = memoryview(b"")

    def _fresh(self) -> Any:  # noqa: ANN401  # as above
        import zstandard  # 11 ms, and layers of this kind are rare

        # Docker and containerd write windows of at most 128 MiB; a larger one is a bomb.
        return zstandard.ZstdDecompressor(max_window_size=128 * 1024 * 1024).decompressobj()

    def _step(self, size: int) -> bytes | None:
        if not self._ready:
            data = super()._step(size)
            if data is None:
                return None
            self._ready = memoryview(data)
        data, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return data

    def _decode(self, size: int) -> bytes:
        import zstandard

        try:
            return bytes(self._decoder.decompress(self._pending))
        except zstandard.ZstdError as error:
            raise self._unsound(error) from None


def open_decompressed(stream: BinaryIO, compression: str, *, what: str, owned: bool = False) -> BinaryIO:
    """Return a reader of the uncompressed bytes. *compression* is `none`, `gzip` or `zstd`; *what* names the bytes.

    Closing the reader of an *owned* stream closes that, too.

    The bytes are not hashed here: a layer's are those of its diff ID, which is the reader's to check.
    """
    if compression == "gzip":
        return io.BufferedReader(_GzipReader(stream, what, owned=owned), _CHUNK)
    if compression == "zstd":
        return io.BufferedReader(_ZstdReader(stream, what, owned=owned), _CHUNK)
    return stream


def zstd_frames(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield *pieces* as one zstd frame of the pinned coder, whatever their bounds are.

    One thread and no checksum: zstd's output with several depends on their number, and layers have digests.
    """
    import zstandard

    coder = zstandard.ZstdCompressor(level=3, threads=0, write_checksum=False, write_content_size=False).compressobj()
    pending = bytearray()
    for piece in pieces:
        pending += piece
        while len(pending) >= _CHUNK:
            yield coder.compress(bytes(pending[:_CHUNK]))
            del pending[:_CHUNK]
    yield coder.compress(bytes(pending)) + coder.flush()


def dense_members(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield *pieces* as gzip members that are as small as deflate gets in seconds, whatever their bounds are.

    Level 10 is the first that looks for the cheapest way through a block; 12 takes twice its time for 0.2 % less.
    """
    import deflate as libdeflate

    def member_of(data: bytes) -> bytes:
        return b"".join((MEMBER_HEADER, libdeflate.deflate_compress(data, 10), trailer(crc32(data), len(data))))

    pending = bytearray()
    empty = True
    for piece in pieces:
        pending += piece
        while len(pending) >= _DENSE_CHUNK:
            yield member_of(bytes(pending[:_DENSE_CHUNK]))
            del pending[:_DENSE_CHUNK]
            empty = False
    if pending or empty:
        yield member_of(bytes(pending))


def sniff(head: bytes) -> str:
    """Return the compression that the first bytes of a layer show; an archive's manifest does not say it."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or is_skippable(head):
        return "zstd"
    return "none"


def is_skippable(head: bytes) -> bool:
    """Tell whether a skippable frame begins here: pzstd and zstd:chunked write some (RFC 8878, section 3.1.2)."""
    return len(head) >= 4 and head[0] & 0xF0 == 0x50 and head[1:4] == b"\x2a\x4d\x18"
