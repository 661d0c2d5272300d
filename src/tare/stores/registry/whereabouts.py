"""Where blobs were seen, so that what lies in one repository of a registry is mounted into another of it."""

from __future__ import annotations

import msgspec

from tare.oci.digest import Digest
from tare.oci.reference import Reference


class Whereabouts:
    """What a run learned of where blobs lie. For any number of threads."""

    def __init__(self) -> None:
        self._seen: dict[Digest, dict[Reference, None]] = {}

    def note(self, digest: Digest, reference: Reference) -> None:
        """The repository of *reference* has the blob, or a mirror that is asked in its place."""
        self._seen.setdefault(digest, {})[msgspec.structs.replace(reference, tag=None, digest=None)] = None

    def of(self, digest: Digest) -> tuple[Reference, ...]:
        """Return the repositories that should have the blob, those first that were noted first."""
        return tuple(self._seen.get(digest, ()))
