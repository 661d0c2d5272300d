"""A part of a blob, as the body of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tare.errors import MachineError
from tare.oci.image import Blob
from tare.stores.verified import name_of

_PIECE: Final = 1024 * 1024


class Slice:
    """*size* bytes of *blob* from *offset* on.

    The last part of a blob is read to its end, so that a stream that checks its bytes does so. *report* is told how
    many bytes of the blob were handed out.
    """

    def __init__(self, blob: Blob, offset: int, size: int, *, report: Callable[[int], None]) -> None:
        self._blob = blob
        self._left = size
        self._last = offset + size == blob.descriptor.size
        self._report = report
        self._position = offset
        try:
            self._stream = blob.open()
        except OSError as error:
            raise self._unreadable(error) from None
        try:
            self._skip(offset)
        except BaseException:
            self._stream.close()
            raise

    def read(self, size: int) -> bytes:
        """Return up to *size* bytes, as `Content` wants them."""
        wanted = min(size, self._left)
        if not wanted:
            return self._read(1) if self._last else b""
        data = self._read(wanted)
        self._left -= len(data)
        self._report(self._position)
        self._position += len(data)
        return data

    def close(self) -> None:
        self._stream.close()

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            raise self._unreadable(error) from None

    def _skip(self, size: int) -> None:
        """Go to where this part begins. Streams that check their bytes cannot seek, and have to be read."""
        if size and self._stream.seekable():
            self._stream.seek(size)
            return
        while size:
            data = self._read(min(size, _PIECE))
            if not data:
                return
            size -= len(data)

    def _unreadable(self, error: OSError) -> MachineError:
        return MachineError(f"cannot read {name_of(self._blob)}", causes=((error.strerror or str(error)).lower(),))
