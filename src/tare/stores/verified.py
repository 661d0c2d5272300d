"""Streams that check what passes through them against the descriptor that was promised."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import BinaryIO, Final

import msgspec

from tare.errors import HostileInputError, IntegrityError
from tare.oci.descriptor import Descriptor
from tare.oci.digest import algorithm
from tare.oci.image import Blob, FileBlob
from tare.oci.manifest import MAX_DOCUMENT

_BUFFER: Final = 1024 * 1024


class _VerifiedReader(io.RawIOBase):
    """Hands out bytes and hashes them; at the end, and only there, they are known to be the right ones."""

    def __init__(self, stream: BinaryIO, descriptor: Descriptor, what: str) -> None:
        self._stream = stream
        self._descriptor = descriptor
        self._what = what
        self._hash = hashlib.new(algorithm(descriptor.digest))
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        data = self._stream.read(len(buffer))
        self._size += len(data)
        if self._size > self._descriptor.size or (not data and self._size < self._descriptor.size):
            raise damaged(self._what, self._descriptor, size=self._size, more=bool(data))
        self._hash.update(data)
        if not data:
            self._check()
        buffer[: len(data)] = data
        return len(data)

    def _check(self) -> None:
        got = f"{algorithm(self._descriptor.digest)}:{self._hash.hexdigest()}"
        if got != self._descriptor.digest:
            raise damaged(self._what, self._descriptor, size=self._size, digest=got)

    def close(self) -> None:
        self._stream.close()
        super().close()


def verified(stream: BinaryIO, descriptor: Descriptor, *, what: str) -> BinaryIO:
    """Return *stream* with a guard: reading it to its end raises `IntegrityError` unless it is what *descriptor* says.

    *what* names the bytes in errors. Closing the result closes *stream*.
    """
    return io.BufferedReader(_VerifiedReader(stream, descriptor, what), _BUFFER)


def read_document(stream: BinaryIO, descriptor: Descriptor, *, what: str) -> bytes:
    """Return a manifest, an index or a config, verified: its size before its digest. Closes *stream*."""
    if descriptor.size > MAX_DOCUMENT:
        stream.close()
        raise HostileInputError(
            f"{what} is too large", causes=(f"it has {descriptor.size} bytes; the limit is {MAX_DOCUMENT}",)
        )
    with verified(stream, descriptor, what=what) as reader:
        return reader.read()


class VerifiedBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A blob of a place that anybody may have written: every reading of it is checked."""

    descriptor: Descriptor

    what: str
    """How errors name it."""

    opener: Callable[[], BinaryIO]
    """Gives the bytes, unchecked."""

    def open(self) -> BinaryIO:
        return verified(self.opener(), self.descriptor, what=self.what)


def open_verified(blob: Blob) -> BinaryIO:
    """Open *blob* so that reading it to its end checks it, once."""
    if isinstance(blob, VerifiedBlob):
        return blob.open()
    return verified(blob.open(), blob.descriptor, what=name_of(blob))


def name_of(blob: Blob) -> str:
    """Return how errors name *blob*."""
    if isinstance(blob, VerifiedBlob):
        return blob.what
    return f"`{blob.path}`" if isinstance(blob, FileBlob) else f"the blob {blob.descriptor.digest}"


def damaged(
    what: str, descriptor: Descriptor, *, size: int, digest: str | None = None, more: bool = False
) -> IntegrityError:
    """Return the error that *what* is not what *descriptor* promised."""
    found = f"found {'at least ' if more else ''}{size} bytes" if digest is None else f"found {digest} ({size} bytes)"
    return IntegrityError(
        f"{what} is damaged", causes=(f"expected {descriptor.digest} ({descriptor.size} bytes), {found}",)
    )
