"""Content, read once: counted and hashed on its way, so that it can be held against its descriptor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from tare.errors import TareError
from tare.oci import digest as digests
from tare.oci.validate import descriptors
from tare.oci.validate.descriptors import Stated
from tare.oci.validate.findings import Fatal, Report, shown
from tare.oci.validate.source import BlobSource

_CHUNK: Final = 256 * 1024


def open_content(source: BlobSource, stated: Stated, *, manifest: bool = False) -> BinaryIO:
    """Open what *stated* promises, or raise `Fatal`."""
    try:
        return source.open(stated.wanted(manifest=manifest))
    except FileNotFoundError:
        raise Fatal("D008", f"expected {stated.digest} ({stated.size} bytes), found nothing") from None
    except (OSError, TareError) as error:
        raise Fatal("D009", f"expected {stated.digest}, found that {_reason(error)}") from None


class Stored:
    """The bytes of a blob as stored. Reading ends with `Fatal` where there are more of them than promised."""

    def __init__(self, stream: BinaryIO, stated: Stated) -> None:
        self._stream = stream
        self._stated = stated
        self._hash = hashlib.new(digests.algorithm(stated.digest))
        self.size = 0
        self.broken = False
        """Whether reading ended before the end."""

    def pieces(self) -> Iterator[bytes]:
        """Yield what is left."""
        while True:
            try:
                data = self._stream.read(_CHUNK)
            except (OSError, TareError, EOFError) as error:
                self.broken = True
                raise Fatal("D009", f"expected {self._stated.digest}, found that {_reason(error)}") from None
            if not data:
                return
            self.size += len(data)
            if self.size > self._stated.size:
                self.broken = True
                raise Fatal("D006", f"expected {self._stated.size} bytes, found at least {self.size}")
            self._hash.update(data)
            yield data

    def check(self) -> None:
        """Hold what was read, to its end, against the descriptor: the size first."""
        stated = self._stated
        if self.size != stated.size:
            raise Fatal("D006", f"expected {stated.size} bytes, found {self.size}")
        found = f"{digests.algorithm(stated.digest)}:{self._hash.hexdigest()}"
        if found != stated.digest:
            raise Fatal("D007", f"expected {stated.digest}, found {found}")


def check_opaque(source: BlobSource, stated: Stated, report: Report) -> None:
    """Check the size and the digest of content that is nobody's business here."""
    try:
        with open_content(source, stated) as stream:
            stored = Stored(stream, stated)
            for _ in stored.pieces():
                pass
            stored.check()
    except Fatal as fault:
        report.add(fault.code, stated.where, fault.message)


def read_document(
    source: BlobSource, stated: Stated, report: Report, *, most: int, manifest: bool = False
) -> bytes | None:
    """Return the document that *stated* promises, even if it is not what was promised, but at most *most* bytes."""
    if stated.size > most:
        report.add("J004", stated.where, f"expected at most {most} bytes, found a size of {stated.size}")
        return None
    try:
        with open_content(source, stated, manifest=manifest) as stream:
            raw = _read(stream, most + 1)
    except Fatal as fault:
        report.add(fault.code, stated.where, fault.message)
        return None
    except (OSError, TareError, EOFError) as error:
        report.add("D009", stated.where, f"expected {stated.digest}, found that {_reason(error)}")
        return None
    _check(raw, stated, report)
    return raw


def _read(stream: BinaryIO, most: int) -> bytes:
    """Return up to *most* bytes; a stream may give them in pieces."""
    pieces = []
    while most and (data := stream.read(most)):
        pieces.append(data)
        most -= len(data)
    return b"".join(pieces)


def _check(raw: bytes, stated: Stated, report: Report) -> None:
    if len(raw) != stated.size:
        report.add("D006", stated.where, f"expected {stated.size} bytes, found {len(raw)}")
    elif (found := descriptors.digest_of(raw, stated.digest)) != stated.digest:
        report.add("D007", stated.where, f"expected {stated.digest}, found {found}")


def _reason(error: Exception) -> str:
    if isinstance(error, TareError):
        return "; ".join((error.message, *error.causes))
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror or error}"
    return shown(f"it cannot be read: {error}")
