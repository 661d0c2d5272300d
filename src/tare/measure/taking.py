"""What is taken of each file while its layer streams by: size, digest, and the content of what is read afterwards."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from tare.errors import HostileInputError
from tare.measure.debug import HEADER, MAGIC, debug_bytes
from tare.measure.files import File
from tare.oci.tar import TarReader

MAX_KEPT: Final = 64 * 1024 * 1024
"""Bytes of all package databases together. A full image of a distribution has some 5 MB of them."""
MAX_NAMES: Final = 256 * 1024 * 1024
"""Bytes of all paths together; 100,000 files have some 8 MB."""

_PIECE: Final = 512 * 1024

_whole = re.compile(
    r"(?:usr/lib|etc)/os-release|var/lib/dpkg/(?:status|status\.d/[^/]+|info/[^/]+\.list)|(?:usr/)?lib/apk/db/installed"
    r"|(?:var/lib|usr/lib/sysimage|usr/share)/rpm/(?:rpmdb\.sqlite|Packages\.db)"
    r"|(?:.*/)?(?:[^/]+\.dist-info/RECORD|[^/]+\.egg-info/(?:installed-files|top_level)\.txt|pyvenv\.cfg)"
).fullmatch
_beginning = re.compile(r"(?:.*/)?(?:[^/]+\.dist-info/METADATA|[^/]+\.egg-info/PKG-INFO|[^/]+\.egg-info)").fullmatch
_METADATA: Final = 16 * 1024
"""Bytes of METADATA that are kept: its name and version stand at the top."""
_PYC: Final = 16
"""Bytes of the header of bytecode (PEP 552)."""


class Taker:
    """Makes a `File` of each file of the layer that is read."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._kept = 0
        self._names = 0
        self.layer = 0
        self.files: list[File] = []
        """Of all layers, in their order."""
        self.skipped: list[str] = []
        """Databases that were too large to be kept."""

    def take(self, path: str, reader: TarReader, size: int) -> File:
        """Read the content of a file."""
        file = self._add(path, size)
        if size == 0:
            file.kept = b"" if _whole(path) else None
            return file
        if size <= _PIECE:
            self._small(file, reader.read())
        else:
            self._large(file, reader)
        return file

    def _add(self, path: str, size: int) -> File:
        self._names += len(path)
        if self._names > MAX_NAMES:
            raise HostileInputError(
                f"the paths of {self._what} are too long", causes=(f"they have more than {MAX_NAMES:,} bytes",)
            )
        file = File(path, self.layer, size)
        self.files.append(file)
        return file

    def _small(self, file: File, data: bytes) -> None:
        file.digest = hashlib.sha256(data).digest()
        if data.startswith(MAGIC):
            file.debug = debug_bytes(data[:HEADER], data, len(data))
            return
        self._keep(file, data)

    def _large(self, file: File, reader: TarReader) -> None:
        digest = hashlib.sha256()
        wanted = self._room(file) if _whole(file.path) else False
        head = before = last = b""
        kept = []
        for piece in reader.chunks(_PIECE):
            digest.update(piece)
            head = head or piece
            before, last = last, piece
            if wanted:
                kept.append(piece)
        file.digest = digest.digest()
        if head.startswith(MAGIC):
            file.debug = debug_bytes(head[:HEADER], before + last, file.size)
        elif wanted:
            file.kept = b"".join(kept)
        else:
            self._keep(file, head)

    def _keep(self, file: File, data: bytes) -> None:
        """Keep what is read afterwards of a file that is, or begins with, *data*."""
        path = file.path
        if path.endswith(".pyc"):
            file.kept = data[:_PYC]
        elif _beginning(path):
            file.kept = data[:_METADATA]
        elif len(data) == file.size and _whole(path) and self._room(file):
            file.kept = data

    def _room(self, file: File) -> bool:
        if self._kept + file.size > MAX_KEPT:
            self.skipped.append(file.path)
            return False
        self._kept += file.size
        return True
