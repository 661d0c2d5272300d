"""Random access to what can only be read from its start, such as a wheel's deflated member."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator


class Seekable(io.RawIOBase):
    """A stream over the pieces that *restart* yields, *size* bytes in all; it holds two of them, whatever the size.

    Going forward skips, going back starts again: a reader that sorts its wishes pays for few passes.
    """

    def __init__(self, restart: Callable[[], Iterator[bytes]], size: int) -> None:
        super().__init__()
        self._restart = restart
        self._size = size
        self._position = 0
        self._rewind()

    def _rewind(self) -> None:
        self._pieces = self._restart()
        self._held = b""
        self._last = 0
        self._start = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        if self._position < self._start:
            self._rewind()
        while self._position >= self._start + len(self._held):
            if not self._step():
                return 0
        offset = self._position - self._start
        data = self._held[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _step(self) -> bool:
        """Take the next piece and let go of all but the one before it."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        drop = len(self._held) - self._last
        self._start += drop
        self._held = self._held[drop:] + piece
        self._last = len(piece)
        return True
