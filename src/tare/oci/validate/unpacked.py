"""A layer's uncompressed bytes: decoded, hashed and counted while the archive in them is read."""

from __future__ import annotations

import hashlib
import io
import itertools
import threading
from collections.abc import Iterator
from typing import Final

from tare.oci import digest as digests
from tare.oci.compression import sniff
from tare.oci.digest import Digest
from tare.oci.validate import compressed
from tare.oci.validate.compressed import Undecodable
from tare.oci.validate.content import Stored
from tare.oci.validate.findings import Report
from tare.oci.validate.limits import Limits

BUFFER: Final = 256 * 1024
_SNIFFED: Final = 4


class Budget:
    """The uncompressed bytes that all layers may have together."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._lock = threading.Lock()

    def spend(self, size: int) -> bool:
        """Take *size* bytes; False if they are not there."""
        with self._lock:
            self._left -= size
            return self._left >= 0


class Unpacked(io.RawIOBase):
    """Reads what *stored* holds once *compression* is undone.

    Raises `Undecodable` where that ends. A layer that is compressed otherwise than its media type says is told, and
    then read all the same.
    """

    def __init__(
        self,
        stored: Stored,
        compression: str,
        *,
        report: Report,
        limits: Limits,
        budget: Budget,
        diff_id: Digest | None,
    ) -> None:
        self._stored = stored
        self._report = report
        self._limits = limits
        self._budget = budget
        self._pieces = self._decoded(compression)
        self._piece = memoryview(b"")
        self._hash = hashlib.new(digests.algorithm(diff_id or "sha256:"))
        self._suspicious = False
        self.size = 0
        self.complete = False
        """Whether the end was reached, so that the diff ID is known."""

    @property
    def diff_id(self) -> Digest:
        return f"{self._hash.name}:{self._hash.hexdigest()}"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        while not self._piece:
            data = next(self._pieces, None)
            if data is None:
                self.complete = True
                return 0
            self._take(data)
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def _take(self, data: bytes) -> None:
        self._piece = memoryview(data)
        self._hash.update(data)
        self.size += len(data)
        limits = self._limits
        if self.size > limits.suspicious_size and not self._suspicious:
            self._warn()
        ratio = limits.bomb_ratio
        if self.size > limits.bomb_size and self.size > ratio * self._stored.size:
            found = f"found {self._stored.size} that became {self.size}"
            raise Undecodable("L007", f"expected at most {ratio} bytes of each byte, {found}")
        if not self._budget.spend(len(data)):
            raise Undecodable("L007", f"expected at most {limits.total} bytes in all layers, found more")

    def _warn(self) -> None:
        ratio = self._limits.suspicious_ratio
        if self.size > ratio * self._stored.size:
            self._suspicious = True
            message = f"expected at most {ratio} bytes of each byte, found {self._stored.size} that became {self.size}"
            self._report.add("L006", self._report.scope, message)

    def _decoded(self, compression: str) -> Iterator[bytes]:
        pieces = self._stored.pieces()
        head = b""
        while len(head) < _SNIFFED and (piece := next(pieces, b"")):
            head += piece
        found = sniff(head)
        if found != compression and (found != "none" or head):
            names = {"none": "no compression", "gzip": "gzip", "zstd": "zstd"}
            message = f"expected {names[compression]} as the media type says, found {names[found]}"
            self._report.add("L005", self._report.scope, message)
            compression = found
        joined = itertools.chain((head,) if head else (), pieces)
        if compression == "gzip":
            yield from compressed.gunzip(joined)
        elif compression == "zstd":
            yield from compressed.unzstd(joined, self._limits.window)
        else:
            yield from joined
