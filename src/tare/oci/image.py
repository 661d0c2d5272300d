"""Images as values: a config, layers, and the bytes that name them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from tare.oci import media_types
from tare.oci.config import ImageConfig
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, sha256
from tare.oci.manifest import Index, Manifest, decode, encode
from tare.oci.platform import Platform


class Blob(Protocol):
    """Bytes that are described before they are read, and can be read more than once."""

    @property
    def descriptor(self) -> Descriptor: ...

    def open(self) -> BinaryIO:
        """Return the bytes as stored. The reader checks them against the descriptor."""
        ...


class MemoryBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A small blob, held."""

    descriptor: Descriptor
    data: bytes

    def open(self) -> BinaryIO:
        return io.BytesIO(self.data)


class FileBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A blob that lies in a file of its own."""

    descriptor: Descriptor
    path: Path

    def open(self) -> BinaryIO:
        return self.path.open("rb")


def memory_blob(data: bytes, media_type: str) -> MemoryBlob:
    """Return *data* as a blob."""
    return MemoryBlob(descriptor=Descriptor(media_type=media_type, digest=sha256(data), size=len(data)), data=data)


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image for one platform."""

    raw: bytes
    """The manifest's bytes; their digest is the image's."""

    manifest: Manifest
    raw_config: bytes
    config: ImageConfig

    layers: tuple[Blob, ...]
    """The layers, bottom first, as the manifest lists them."""

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor that an index has for this image."""
        return Descriptor(
            media_type=self.manifest.media_type or media_types.MANIFEST,
            digest=sha256(self.raw),
            size=len(self.raw),
            platform=self.platform,
        )

    @property
    def digest(self) -> Digest:
        return sha256(self.raw)

    @property
    def platform(self) -> Platform:
        return Platform(
            os=self.config.os,
            architecture=self.config.architecture,
            variant=self.config.variant,
            os_version=self.config.os_version,
        )

    @property
    def config_blob(self) -> MemoryBlob:
        return MemoryBlob(descriptor=self.manifest.config, data=self.raw_config)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Everything that the manifest names."""
        return (self.config_blob, *self.layers)


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """What an index names beside images: a signature, an attestation, a bill of materials. Nobody looks into it."""

    descriptor: Descriptor
    """As the index has it."""

    raw: bytes
    manifest: Manifest
    blobs: tuple[Blob, ...]
    """Everything that the manifest names."""

    @property
    def digest(self) -> Digest:
        return self.descriptor.digest


class ImageIndex(msgspec.Struct, frozen=True, kw_only=True):
    """Images for several platforms under one digest."""

    raw: bytes
    index: Index
    images: tuple[Image, ...]

    others: tuple[Artifact | ImageIndex, ...] = ()
    """What else the index names."""

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(
            media_type=self.index.media_type or media_types.INDEX, digest=sha256(self.raw), size=len(self.raw)
        )

    @property
    def digest(self) -> Digest:
        return sha256(self.raw)


def parts(whole: Image | Artifact | ImageIndex) -> Iterator[Image | Artifact | ImageIndex]:
    """Yield *whole* and all that it is made of, what is named before what names it."""
    if isinstance(whole, ImageIndex):
        for member in (*whole.images, *whole.others):
            yield from parts(member)
    yield whole


def make_image(config: ImageConfig, layers: tuple[Blob, ...], annotations: dict[str, str]) -> Image:
    """Return the image of *config* and *layers*. The config's diff IDs are the caller's to get right."""
    raw_config = encode(config)
    config_descriptor = Descriptor(media_type=media_types.CONFIG, digest=sha256(raw_config), size=len(raw_config))
    manifest = Manifest(
        schema_version=2,
        media_type=media_types.MANIFEST,
        config=config_descriptor,
        layers=tuple(layer.descriptor for layer in layers),
        annotations=annotations,
    )
    return Image(raw=encode(manifest), manifest=manifest, raw_config=raw_config, config=config, layers=layers)


def read_image(raw: bytes, raw_config: bytes, layers: tuple[Blob, ...], *, what: str = "an image") -> Image:
    """Return the image of documents that were written before; *layers* are the blobs that the manifest lists."""
    manifest = decode(raw, Manifest, what=f"the manifest of {what}")
    config = decode(raw_config, ImageConfig, what=f"the configuration of {what}")
    return Image(raw=raw, manifest=manifest, raw_config=raw_config, config=config, layers=layers)


def make_index(images: tuple[Image, ...], annotations: dict[str, str]) -> ImageIndex:
    """Return the index of *images*, in the order given."""
    index = Index(
        schema_version=2,
        media_type=media_types.INDEX,
        manifests=tuple(image.descriptor for image in images),
        annotations=annotations,
    )
    return ImageIndex(raw=encode(index), index=index, images=images)
