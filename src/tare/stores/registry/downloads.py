"""Blobs into the cache: resumed across connections and across runs, and under their name only when they are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tare.errors import IntegrityError
from tare.net.part import Part
from tare.oci.image import Blob, FileBlob
from tare.stores.cache import Cache
from tare.stores.registry.source import BlobOpener
from tare.stores.verified import VerifiedBlob, damaged, open_verified

_CHUNK: Final = 1024 * 1024


def download(blob: Blob, cache: Cache, *, progress: Callable[[int], None] = lambda _: None) -> FileBlob:
    """Return *blob* as a file of the cache, fetching what is not there yet.

    *progress* is told how many bytes came, or less than 0 when some of them have to be fetched again.
    """
    found = cache.find(blob.descriptor)
    if isinstance(found, FileBlob):
        return found
    path = cache.path(blob.descriptor.digest)
    with Part(path, cache.partial, digest=blob.descriptor.digest) as part:
        progress(part.size)
        if part.size > blob.descriptor.size:
            progress(-part.size)
            part.restart()
        resumed = bool(part.size)
        try:
            _fill(part, blob, progress)
        except IntegrityError:
            if not resumed:
                part.restart()
                raise
            # The beginning, from another day, may be to blame.
            progress(-part.size)
            part.restart()
            _fill(part, blob, progress)
        part.path.chmod(0o444)
        part.commit()
    return FileBlob(descriptor=blob.descriptor, path=path)


def _fill(part: Part, blob: Blob, progress: Callable[[int], None]) -> None:
    descriptor = blob.descriptor
    if isinstance(blob, VerifiedBlob) and isinstance(blob.opener, BlobOpener):
        stream = blob.opener.at(part.size)
        what = blob.what
    else:
        progress(-part.size)
        part.restart()
        stream = open_verified(blob)
        what = f"the blob {descriptor.digest}"
    with stream:
        while data := stream.read(_CHUNK):
            part.write(data)
            progress(len(data))
    if part.size != descriptor.size or part.digest != descriptor.digest:
        raise damaged(what, descriptor, size=part.size, digest=part.digest)
