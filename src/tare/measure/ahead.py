"""A stream that is read ahead by a thread: while one side inflates, the other hashes."""

from __future__ import annotations

import io
import queue
import threading
from typing import BinaryIO, Final

_BLOCK: Final = 512 * 1024
_WAITING: Final = 8
"""Blocks that may wait: 4 MiB, whatever the size of the layer."""


class _Ahead(io.RawIOBase):
    """Hands out the blocks that the thread has read; what the thread raises is raised here."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._blocks: queue.Queue[bytes | BaseException] = queue.Queue(_WAITING)
        self._block = memoryview(b"")
        self._left = False
        """Whether nobody listens any more."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        if not self._block:
            found = self._blocks.get()
            if isinstance(found, BaseException):
                self._blocks.put(found)
                raise found
            if not found:
                self._blocks.put(found)
            self._block = memoryview(found)
        size = min(len(buffer), len(self._block))
        buffer[:size] = self._block[:size]
        self._block = self._block[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._left = True
            while self._thread.is_alive():
                try:
                    self._blocks.get(timeout=0.05)
                except queue.Empty:
                    continue
            self._stream.close()
        super().close()

    def _run(self) -> None:
        try:
            while not self._left:
                block = self._stream.read(_BLOCK)
                self._blocks.put(block)
                if not block:
                    return
        except BaseException as error:  # noqa: BLE001  # it belongs to the reader
            self._blocks.put(error)


def ahead(stream: BinaryIO) -> BinaryIO:
    """Return *stream* as one that another thread reads ahead. Closing the result closes *stream*."""
    return io.BufferedReader(_Ahead(stream), _BLOCK)
