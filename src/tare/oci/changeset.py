"""Layers, written: a tar stream that is compressed and hashed while it grows.

A layer is a row of gzip members. What tare made (headers, small files) is compressed by the pinned coder; what lies
deflated somewhere already is taken over as it is, as a member of its own: `docs/transmux.md`.

https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import BinaryIO, Final

from tare.oci import media_types, tar_header
from tare.oci.compression import MEMBER_HEADER, Deflater, crc32, deflate, trailer
from tare.oci.descriptor import Descriptor
from tare.oci.layer import WrittenLayer
from tare.threads import Lane

_ONE_GO: Final = 256 * 1024
"""Bytes. More than this that waits for the coder is fed to it piece by piece."""

_TOGETHER: Final = 1024 * 1024
"""Bytes that are hashed or written at once."""


class LayerWriter:
    """Writes one layer to *out*.

    The caller gives entries in the order in which they shall stand. Headers and content that was given as plain bytes
    wait until a raw deflate stream arrives, and then become one member together.

    With a *lane*, all bytes are hashed and written there, and contents that come in pieces are inflated there, too.
    """

    def __init__(self, out: BinaryIO, *, mtime: int, lane: Lane | None = None) -> None:
        self._out = out
        self._mtime = mtime
        self._digest = hashlib.sha256()
        self._diff_id = hashlib.sha256()
        self._lane = lane
        self._hashing = _Batch(partial(self._hand_on, self._hash), _TOGETHER)
        self._writing = _Batch(partial(self._hand_on, self._write), _TOGETHER)
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._stream: _Stream | None = None
        self._owed = b""
        """The trailer of the deflate stream that was written last, until something follows."""

        self._padding = b""
        """Zero bytes after the file that was written last, until something follows."""

        self._size = 0
        self._unpacked = 0

    def add(
        self,
        path: str,
        *,
        kind: tar_header.Kind = "file",
        mode: int = 0o644,
        data: bytes = b"",
        target: str = "",
        uid: int = 0,
        gid: int = 0,
    ) -> None:
        """Write an entry whose content is at hand."""
        block = tar_header.header(
            path, kind=kind, mode=mode, size=len(data), mtime=self._mtime, target=target, uid=uid, gid=gid
        )
        self._plain(block + data + bytes(tar_header.padding(len(data))))
        self._unpacked += len(data)

    def add_stream(self, path: str, *, mode: int, size: int, chunks: Iterable[bytes]) -> None:
        """Write a file whose content arrives in pieces."""
        self._plain(tar_header.header(path, mode=mode, size=size, mtime=self._mtime))
        for chunk in chunks:
            self._plain(chunk)
        self._plain(bytes(tar_header.padding(size)))
        self._unpacked += size

    def add_deflated(
        self,
        path: str,
        *,
        mode: int,
        size: int,
        crc: int,
        raw: Iterable[bytes | memoryview],
        inflated: bytes | Iterable[bytes],
    ) -> None:
        """Write a file that is already a raw deflate stream.

        *raw* are the stream's bytes, *inflated* the same content uncompressed, as a whole or in pieces, *crc* and *size*
        that content's CRC-32 and length. The caller vouches for all of it: checking is done where the file was read.
        Views and pieces are read later, so what they come from must not change.
        """
        self._plain(tar_header.header(path, mode=mode, size=size, mtime=self._mtime))
        self._flush(MEMBER_HEADER)
        for piece in raw:
            self._emit(piece)
        if isinstance(inflated, bytes):
            self._hashing.add(inflated)
        elif self._lane is not None and self._lane.busy:
            for piece in inflated:
                self._hashing.add(piece)
        else:
            self._hashing.flush()
            self._hand_on(self._hash, inflated)
        self._unpacked += size
        # Both go together with what follows: there are thousands of small files, and each call costs.
        self._owed = trailer(crc, size)
        self._padding = bytes(tar_header.padding(size))

    def close(self) -> WrittenLayer:
        """Write the end of the archive and return what the layer is."""
        return self.end()()

    def end(self) -> Callable[[], WrittenLayer]:
        """Write the end of the archive and return what waits for the lane and says what the layer is."""
        self._plain(tar_header.END)
        self._flush()
        self._hashing.flush()
        self._writing.flush()
        return partial(self._written, self._lane.mark() if self._lane is not None else lambda: None)

    def _written(self, wait: Callable[[], None]) -> WrittenLayer:
        wait()
        descriptor = Descriptor(
            media_type=media_types.LAYER_GZIP, digest="sha256:" + self._digest.hexdigest(), size=self._size
        )
        return WrittenLayer(
            descriptor=descriptor, diff_id="sha256:" + self._diff_id.hexdigest(), unpacked=self._unpacked
        )

    def _plain(self, data: bytes) -> None:
        if self._padding:
            data, self._padding = self._padding + data, b""
        self._hashing.add(data)
        if self._stream is not None:
            self._emit(self._stream.feed(data))
            return
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size > _ONE_GO:
            self._stream = _Stream()
            self._emit(self._pay() + MEMBER_HEADER)
            self._emit(self._stream.feed(self._take()))

    def _take(self) -> bytes:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        return data

    def _flush(self, following: bytes = b"") -> None:
        """End the member that is being written, and write *following* with it."""
        if self._stream is not None:
            self._emit(self._stream.end() + following)
            self._stream = None
        elif self._waiting:
            data = self._take()
            self._emit(self._pay() + MEMBER_HEADER + deflate(data) + trailer(crc32(data), len(data)) + following)

    def _pay(self) -> bytes:
        """Return the end of the deflate stream that was written last."""
        owed, self._owed = self._owed, b""
        return owed

    def _emit(self, data: bytes | memoryview) -> None:
        self._writing.add(data)
        self._size += len(data)

    def _hand_on(
        self, take: Callable[[Iterable[bytes | memoryview]], None], pieces: Iterable[bytes | memoryview]
    ) -> None:
        if self._lane is None:
            take(pieces)
        else:
            self._lane.do(partial(take, pieces))

    def _hash(self, pieces: Iterable[bytes | memoryview]) -> None:
        for piece in _joined(pieces):
            self._diff_id.update(piece)

    def _write(self, pieces: Iterable[bytes | memoryview]) -> None:
        for piece in _joined(pieces):
            self._digest.update(piece)
            self._out.write(piece)


class LayerGauge(LayerWriter):
    """Tells how large a layer will be without its contents: what `LayerWriter` would write, counted.

    Headers and plain bytes go through the same coder, so the size is the layer's own to the byte.
    """

    def __init__(self, *, mtime: int) -> None:
        super().__init__(_Nowhere(), mtime=mtime)

    def add_measured(self, path: str, *, mode: int, size: int, compressed: int) -> None:
        """Count a file of *size* bytes whose raw deflate stream has *compressed* bytes and lies elsewhere."""
        self._plain(tar_header.header(path, mode=mode, size=size, mtime=self._mtime))
        self._flush()
        self._size += len(MEMBER_HEADER) + compressed + len(trailer(0, 0))
        self._unpacked += size
        if padding := tar_header.padding(size):
            self._plain(bytes(padding))

    def measured(self) -> tuple[int, int]:
        """Return the compressed bytes of the finished layer, and the bytes of its regular files."""
        self._plain(tar_header.END)
        self._flush()
        return self._size, self._unpacked

    def _emit(self, data: bytes | memoryview) -> None:
        self._size += len(data)


class _Nowhere(io.RawIOBase, BinaryIO):
    """Where a gauge writes nothing to."""


class _Batch:
    """Small pieces that are handed on together.

    A layer has thousands of small files. If each were hashed and written by itself, two threads that write two layers
    would pass Python's lock to and fro more than they work.
    """

    def __init__(self, take: Callable[[Sequence[bytes | memoryview]], None], size: int) -> None:
        """Collect pieces for *take* until there are *size* bytes of them."""
        self._take = take
        self._pieces: list[bytes | memoryview] = []
        self._wanted = size
        self._size = 0

    def add(self, piece: bytes | memoryview) -> None:
        if len(piece) >= self._wanted // 4:  # not worth a copy
            self.flush()
            self._take((piece,))
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= self._wanted:
            self.flush()

    def flush(self) -> None:
        if self._pieces:
            self._take(self._pieces)
            self._pieces = []
            self._size = 0


def _joined(pieces: Iterable[bytes | memoryview]) -> Iterable[bytes | memoryview]:
    """Return *pieces* that are at hand as one; what is still to be made is taken as it comes."""
    return (b"".join(pieces),) if isinstance(pieces, list) else pieces


class _Stream:
    """A gzip member that grows, once there is too much to hold."""

    def __init__(self) -> None:
        self._coder = Deflater()
        self._crc = 0
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        self._crc = crc32(data, self._crc)
        self._size += len(data)
        return self._coder.compress(data)

    def end(self) -> bytes:
        return self._coder.flush() + trailer(self._crc, self._size)
