"""What a registry has, as it has it: for the check of images, which wants to see what is wrong."""

from __future__ import annotations

import io
from typing import BinaryIO

from tare.errors import NetworkError
from tare.oci.descriptor import Descriptor
from tare.oci.reference import Reference
from tare.oci.validate.source import Wanted
from tare.stores.registry import manifests
from tare.stores.registry.repository import Registries
from tare.stores.registry.source import BlobOpener, first, was_missing


class Unchecked:
    """Everything under *reference*, from the first of the mirrors and the registry that has it."""

    def __init__(self, registries: Registries, reference: Reference) -> None:
        name = reference.digest or reference.tag_or_latest
        readers = registries.readers(reference, doing="verify")
        found, (self.raw, self.media_type) = first(readers, lambda each: manifests.raw(each, name))
        self._repositories = readers[readers.index(found) :]
        """A mirror may have an index without all that it names."""

    def open(self, wanted: Wanted) -> BinaryIO:
        try:
            if wanted.manifest:
                return io.BytesIO(first(self._repositories, lambda each: manifests.raw(each, wanted.digest))[1][0])
            descriptor = Descriptor(media_type=wanted.media_type, digest=wanted.digest, size=wanted.size)
            return BlobOpener(self._repositories, descriptor, f"the blob {wanted.digest[:19]}…")()
        except NetworkError as error:
            if not was_missing(error):
                raise
            raise FileNotFoundError(wanted.digest) from None
