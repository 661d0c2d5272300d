"""A part of a blob, as the body of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final

_PIECE: Final = 1024 * 1024


class Slice:
    """*size* bytes of *stream* from *offset* on.

    For the *last* part of a blob the stream is read to its end, so that one that checks its bytes does so. *report* is
    told how many bytes of the blob were handed out.
    """

    def __init__(self, stream: BinaryIO, offset: int, size: int, *, last: bool, report: Callable[[int], None]) -> None:
        self._stream = stream
        self._left = size
        self._last = last
        self._report = report
        self._position = offset
        try:
            _skip(stream, offset)
        except BaseException:
            stream.close()
            raise

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes, as `Content` wants them."""
        wanted = min(size, self._left)
        if not wanted:
            return self._stream.read(1) if self._last else b""
        data = self._stream.read(wanted)
        self._left -= len(data)
        self._report(self._position)
        self._position += len(data)
        return data

    def close(self) -> None:
        self._stream.close()


def _skip(stream: BinaryIO, offset: int) -> None:
    """Go to *offset*. Streams that check their bytes cannot seek, and have to be read."""
    if offset and stream.seekable():
        stream.seek(offset)
        return
    while offset:
        data = stream.read(min(offset, _PIECE))
        if not data:
            return
        offset -= len(data)
