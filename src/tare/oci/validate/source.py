"""Where the bytes come from: anything that opens content by its digest."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec

from tare.oci import digest as digests
from tare.oci.digest import Digest

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Content that a check asks its source for."""

    digest: Digest
    """Already checked: `sha256:` or `sha512:` and hexadecimal digits."""

    size: int
    """Bytes that the descriptor promises. It may lie."""

    media_type: str

    manifest: bool = False
    """An index or a manifest, which a registry keeps elsewhere than blobs."""


class BlobSource(Protocol):
    """A place that has an image's content. Nothing that it returns is trusted.

    Absent content is a `FileNotFoundError`; what cannot be read is another `OSError` or a `TareError`, here and from
    the streams.
    """

    def open(self, wanted: Wanted) -> BinaryIO:
        """Return the content as stored. The caller closes it."""
        ...


class LayoutBlobs:
    """The blobs of the OCI image layout *directory*."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def open(self, wanted: Wanted) -> BinaryIO:
        path = self._path(wanted)
        self._check_inside(path)
        return open_regular(path)

    def _path(self, wanted: Wanted) -> Path:
        digest = digests.parse(wanted.digest)
        return self.directory / "blobs" / digests.algorithm(digest) / digests.encoded(digest)

    def _check_inside(self, path: Path) -> None:
        if not path.parent.resolve().is_relative_to(self.directory.resolve()):
            raise OSError(errno.ELOOP, "a symbolic link leads out of the layout")


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file; a symbolic link, or a FIFO that would hold the reader up, is an `OSError`."""
    handle = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(handle, "rb")
