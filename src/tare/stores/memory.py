"""An image held in memory: the double of every store, for tests and for callers that compose."""

from __future__ import annotations

import msgspec

from tare.errors import UsageError
from tare.oci.descriptor import Descriptor
from tare.oci.image import Image, ImageIndex, MemoryBlob
from tare.oci.platform import Platform
from tare.stores import platforms
from tare.stores.verified import open_verified


class MemoryStore:
    """A source and a destination at once. What is written is read, verified and kept, as everywhere else."""

    def __init__(self) -> None:
        self._image: Image | ImageIndex | None = None
        self.blobs: dict[str, bytes] = {}
        """Every blob that was written, by digest."""

    def write(self, image: Image | ImageIndex) -> Descriptor:
        if isinstance(image, ImageIndex):
            self._image = msgspec.structs.replace(image, images=tuple(map(self._held, image.images)))
        else:
            self._image = self._held(image)
        self.blobs[image.digest] = image.raw
        return image.descriptor

    def read(self, platform: Platform | None = None) -> Image:
        image = self.read_all()
        if isinstance(image, Image):
            platforms.check(image.platform, platform, what="the image in memory")
            return image
        chosen = platforms.choose(image.index.manifests, platform, what="the index in memory")
        return next(one for one in image.images if one.digest == chosen.digest)

    def read_all(self) -> Image | ImageIndex:
        if self._image is None:
            raise UsageError("the store in memory is empty")
        return self._image

    def _held(self, image: Image) -> Image:
        layers = []
        for layer in image.layers:
            with open_verified(layer) as reader:
                layers.append(MemoryBlob(descriptor=layer.descriptor, data=reader.read()))
        self.blobs |= {blob.descriptor.digest: blob.data for blob in (image.config_blob, *layers)}
        self.blobs[image.digest] = image.raw
        return Image(
            raw=image.raw,
            manifest=image.manifest,
            raw_config=image.raw_config,
            config=image.config,
            layers=tuple(layers),
        )
