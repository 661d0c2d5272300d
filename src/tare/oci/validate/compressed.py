"""Compressed data, taken apart member by member and frame by frame, in pieces of a bounded size.

Several gzip members, or zstd frames, after each other are one stream (RFC 1952 §2.2, RFC 8878 §3), and zstd's
skippable frames are none of it: zstd:chunked keeps its table of contents there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from zlib_ng import zlib_ng

from tare.oci.compression import is_skippable
from tare.oci.validate.findings import Fatal

if TYPE_CHECKING:
    import zstandard

_STEP: Final = 32 * 1024
"""Bytes of input at a time: what follows a member's end is copied, so members of a few bytes want a small step."""
_PIECE: Final = 1024 * 1024
_BLOCK: Final = 128 * 1024
"""Bytes that one zstd block can become."""
_FRAME: Final = b"\x28\xb5\x2f\xfd"


class Undecodable(Fatal):
    """The compressed data end here, and with them all that is to be read of the layer."""


def gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what gzip members hold."""
    decoder = zlib_ng.decompressobj(31)
    members, fresh = 0, True
    for data in _steps(pieces):
        while data:
            if fresh and members and not b"\x1f\x8b".startswith(data[:2]):
                raise Undecodable(
                    "L004", f"expected nothing, or a gzip member, after {members}, found {data[:8].hex(' ')}"
                )
            try:
                yield decoder.decompress(data, _PIECE)
            except zlib_ng.error as error:  # type: ignore[misc]  # the stub has a class, mypy sees a variable
                raise Undecodable("L002", f"expected gzip data in member {members + 1}, found: {error}") from None
            fresh = decoder.eof
            if fresh:
                data, decoder, members = decoder.unused_data, zlib_ng.decompressobj(31), members + 1  # noqa: PLW2901
            else:
                data = decoder.unconsumed_tail  # noqa: PLW2901
    if not fresh or not members:
        raise Undecodable("L003", f"expected the end of gzip member {members + 1}, found the end of the data")


def _steps(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), _STEP):
            yield piece[start : start + _STEP]


def unzstd(pieces: Iterable[bytes], window: int) -> Iterator[bytes]:
    """Yield what zstd frames hold; a frame that looks back over more than *window* bytes is refused.

    The decoder gets one block at a time. It would turn a few bytes into gigabytes otherwise, and it takes an end of
    the data for an end of the frame (seen with zstandard 0.25).
    """
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=window)
    source = _Pieces(pieces)
    frames = 0
    while head := source.take(4):
        if is_skippable(head):
            source.skip(int.from_bytes(source.exactly(4), "little"))
        elif head == _FRAME:
            yield from _frame(source, head, decompressor)
        elif frames:
            raise Undecodable("L004", f"expected nothing, or a zstd frame, after {frames}, found {head.hex(' ')}")
        else:
            raise Undecodable("L002", f"expected a zstd frame, found {head.hex(' ')}")
        frames += 1
    if not frames:
        raise Undecodable("L003", "expected a zstd frame, found the end of the data")


def _frame(source: _Pieces, magic: bytes, decompressor: zstandard.ZstdDecompressor) -> Iterator[bytes]:
    import zstandard

    decode: Callable[[bytes], bytes] = decompressor.decompressobj(write_size=_BLOCK).decompress
    descriptor = source.exactly(1)
    flags = descriptor[0]
    single = flags >> 5 & 1
    rest = (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
    try:
        yield decode(magic + descriptor + source.exactly(rest))
        last = 0
        while not last:
            head = source.exactly(3)
            value = int.from_bytes(head, "little")
            last, kind, size = value & 1, value >> 1 & 3, value >> 3
            yield decode(head + source.exactly(1 if kind == 1 else min(size, _BLOCK)))
        if flags & 4:
            yield decode(source.exactly(4))
    except zstandard.ZstdError as error:
        code = "L008" if "memory" in str(error) else "L002"
        raise Undecodable(code, f"expected zstd data, found: {error}") from None


class _Pieces:
    """Takes pieces as they come, and gives others."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._data = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """Return *size* bytes, or what is left."""
        while len(self._data) - self._at < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._data = self._data[self._at :] + piece
            self._at = 0
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def exactly(self, size: int) -> bytes:
        taken = self.take(size)
        if len(taken) != size:
            raise Undecodable("L003", f"expected {size} bytes of a zstd frame, found the last {len(taken)} of the data")
        return taken

    def skip(self, size: int) -> None:
        while size:
            size -= len(self.exactly(min(size, _BLOCK)))
