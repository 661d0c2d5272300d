"""Files that are known by their digest: fetched once, checked each time they are used."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tare.bases.debian.sources import Sources
from tare.errors import IntegrityError, NetworkError
from tare.net.fetch import Fetcher
from tare.oci.digest import Digest


class Blobs(Protocol):
    """Where blobs lie; `tare.stores.cache.Cache` is one."""

    @property
    def partial(self) -> Path:
        """The directory of unfinished files, on the same file system."""
        ...

    def path(self, digest: Digest) -> Path:
        """Return where the blob of *digest* lies or would lie."""
        ...


class Supply:
    """Where packages come from, how they come, and where they are kept."""

    def __init__(self, *, sources: Callable[[], Sources], fetcher: Fetcher, blobs: Blobs) -> None:
        """*sources* is asked when a file is missing: with everything at hand, a machine needs no mirror."""
        self._sources = sources
        self._known: Sources | None = None
        self.fetcher = fetcher
        self.blobs = blobs

    @property
    def sources(self) -> Sources:
        """The archives."""
        if self._known is None:
            self._known = self._sources()
        return self._known

    def get(
        self,
        urls: Callable[[], tuple[str, ...]],
        *,
        digest: Digest,
        size: int,
        progress: Callable[[int], None] | None = None,
    ) -> Path:
        """Return the path of the blob of *digest*, after fetching it from the first of *urls* that has it."""
        path = self.blobs.path(digest)
        if is_sound(path, digest, size):
            return path
        failures: list[NetworkError | IntegrityError] = []
        for url in urls():
            try:
                return self.fetcher.download(
                    url, path, digest=digest, size=size, partial=self.blobs.partial, progress=progress
                )
            except (NetworkError, IntegrityError) as error:
                failures.append(error)
        # Wrong bytes tell more than a missing file: the mirror is half updated, or worse.
        failures.sort(key=lambda error: not isinstance(error, IntegrityError))
        raise failures[0] if failures else NetworkError(f"nobody has the file with the digest {digest}")


def is_sound(path: Path, digest: Digest, size: int) -> bool:
    """Tell whether *path* is there, and is what its name says: disks forget, too."""
    with contextlib.suppress(OSError):
        if path.stat().st_size == size:
            name, _, expected = digest.partition(":")
            with path.open("rb") as file:
                return hashlib.file_digest(file, name).hexdigest() == expected
    return False
