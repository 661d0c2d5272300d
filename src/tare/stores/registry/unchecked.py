"""What a registry has, as it has it: for the check of images, which wants to see what is wrong."""

from __future__ import annotations

import io
from typing import BinaryIO

from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.reference import Reference
from tare.oci.validate.source import Wanted
from tare.stores.registry import blobs, manifests
from tare.stores.registry.problems import RefusalError
from tare.stores.registry.repository import Registries
from tare.stores.registry.source import first


class Unchecked:
    """Everything under *reference*, from the first of the mirrors and the registry that has it."""

    def __init__(self, registries: Registries, reference: Reference) -> None:
        name = reference.digest or reference.tag_or_latest
        repositories = registries.readers(reference, doing="verify")
        self._repository, (self.raw, self.media_type) = first(repositories, lambda each: manifests.raw(each, name))

    def open(self, wanted: Wanted) -> BinaryIO:
        try:
            if wanted.manifest:
                return io.BytesIO(manifests.raw(self._repository, wanted.digest)[0])
            descriptor = Descriptor(media_type=wanted.media_type, digest=wanted.digest, size=wanted.size)
            return blobs.open_blob(self._repository, descriptor, what=f"the blob {_short(wanted.digest)}")
        except RefusalError as refusal:
            if refusal.problem.status != 404:
                raise
            raise FileNotFoundError(wanted.digest) from None

    def exists(self, wanted: Wanted) -> bool:
        if wanted.manifest:
            return manifests.head(self._repository, wanted.digest) is not None
        descriptor = Descriptor(media_type=wanted.media_type, digest=wanted.digest, size=wanted.size)
        return blobs.has(self._repository, descriptor)


def _short(digest: Digest) -> str:
    return f"{digest[:19]}…"
