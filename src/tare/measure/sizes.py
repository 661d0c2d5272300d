"""The sizes of an image alone, each of them known: what a comparison, a benchmark and a measured repair tell."""

from __future__ import annotations

from typing import Final

import msgspec

from tare.measure.contents import Contents, read_image
from tare.oci.compression import Deflater
from tare.oci.image import Blob, Image

_PIECE: Final = 1024 * 1024
_GZIP: Final = 18
"""Bytes of a gzip member around its deflate stream."""


class ImageSizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much an image is, in bytes, as `docs/json.md` defines it."""

    pull: int
    """What is downloaded: the layers, compressed."""
    unpacked: int
    """The regular files of all layers."""
    rootfs: int
    """The regular files that a container sees."""
    waste: int
    """What is in layers and not seen: `unpacked - rootfs`."""
    store: int
    """What `docker images` shows with the containerd store: the layers, compressed and unpacked."""
    layers: tuple[int, ...] = ()
    """Each layer, compressed; bottom first."""
    shown: int | None = None
    """What the list of images of the engine that built it shows; None for what no engine holds."""


def image_sizes(image: Image, *, what: str, shown: int | None = None) -> ImageSizes:
    """Return the sizes of *image*, of which its engine, if it has one, says that it has *shown* bytes.

    A layer that lies here without compression, as in an engine's archive, counts as what a push would make of it.
    """
    contents = read_image(image, what=what)
    layers = _pulled(image, contents)
    pull = sum(layers)
    return ImageSizes(
        pull=pull,
        unpacked=contents.unpacked,
        rootfs=contents.rootfs,
        waste=contents.unpacked - contents.rootfs,
        store=pull + contents.unpacked,
        layers=layers,
        shown=shown,
    )


def _pulled(image: Image, contents: Contents) -> tuple[int, ...]:
    return tuple(
        blob.descriptor.size if read.compressed else _compressed(blob)
        for blob, read in zip(image.layers, contents.layers, strict=True)
    )


def _compressed(layer: Blob) -> int:
    """Return how large a layer is that lies here as a tar, once it is compressed for a registry."""
    coder, size = Deflater(), _GZIP
    with layer.open() as stream:
        while piece := stream.read(_PIECE):
            size += len(coder.compress(piece))
    return size + len(coder.flush())
