"""Layers compressed in another way: the same diff IDs under other digests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Literal

import msgspec

from tare.errors import IntegrityError
from tare.flow.build.build import Built
from tare.flow.world import World
from tare.oci import media_types
from tare.oci.compression import (
    CODER,
    DENSE_CODER,
    MEMBER_HEADER,
    ZSTD_CODER,
    Deflater,
    crc32,
    dense_members,
    open_decompressed,
    trailer,
    zstd_frames,
)
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.image import Artifact, Blob, FileBlob, Image, ImageIndex, make_index, parts
from tare.oci.manifest import encode
from tare.stores import names
from tare.stores.cache import key_of

Compression = Literal["gzip", "dense", "zstd"]
"""`dense` is gzip, too: smaller, and made in seconds where `gzip` takes over what wheels have."""

_CHUNK: Final = 1024 * 1024
_MEDIA_TYPES: Final = {
    "gzip": media_types.LAYER_GZIP,
    "dense": media_types.LAYER_GZIP,
    "zstd": media_types.LAYER_ZSTD,
}
_CODERS: Final = {"gzip": CODER, "dense": DENSE_CODER, "zstd": ZSTD_CODER}


def recompressed(world: World, image: Image | ImageIndex, compression: Compression) -> Image | ImageIndex:
    """Return *image* with every layer compressed by *compression*. Layers that are so already stay as they are."""
    if isinstance(image, ImageIndex):
        _say_what_is_left_out(world, image)
        found = [part for part in parts(image) if isinstance(part, Image)]
        images = tuple(recompressed_image(world, each, compression) for each in found)
        return make_index(images, image.index.annotations)
    return recompressed_image(world, image, compression)


def _say_what_is_left_out(world: World, index: ImageIndex) -> None:
    """Signatures and attestations are of digests, which change."""
    left = [part for part in parts(index) if isinstance(part, Artifact)]
    if left:
        world.reporter.warn(
            f"left out what is about the images as they were: {', '.join(each.digest for each in left)}"
        )


def recompressed_image(
    world: World, image: Image, compression: Compression, *, only: frozenset[Digest] | None = None
) -> Image:
    """Return *image* with its layers, or those whose digests are in *only*, compressed by *compression*."""
    with world.step("compress layers"):
        layers = tuple(
            blob
            if only is not None and blob.descriptor.digest not in only
            else _known(world, blob, diff_id, compression)
            for blob, diff_id in zip(image.layers, image.config.rootfs.diff_ids, strict=True)
        )
    # zstd has no media type of Docker's own, so the whole manifest speaks OCI.
    manifest = msgspec.structs.replace(
        image.manifest,
        media_type=media_types.MANIFEST,
        config=msgspec.structs.replace(image.manifest.config, media_type=media_types.CONFIG),
        layers=tuple(layer.descriptor for layer in layers),
    )
    return msgspec.structs.replace(image, raw=encode(manifest), manifest=manifest, layers=layers)


def recompressed_built(world: World, built: Built, compression: Compression) -> Built:
    """Return what was built with its new layers compressed by *compression*.

    A base's stay as they are, since registries and other images have them. An assembled base is as new as the rest.
    """
    prepared = built.prepared
    assembled = isinstance(names.parse(prepared.base.reference), names.SuiteName)
    new = frozenset(layer.descriptor.digest for layer in built.layers if assembled or layer.kind != "base")
    image = recompressed_image(world, built.image, compression, only=new)
    layers = tuple(
        msgspec.structs.replace(layer, descriptor=blob.descriptor)
        for layer, blob in zip(built.layers, image.layers, strict=True)
    )
    count = len(prepared.base_layers)
    prepared = msgspec.structs.replace(prepared, base_layers=layers[:count], layers=layers[count:-1])
    return msgspec.structs.replace(built, image=image, prepared=prepared, own=layers[-1])


def compression_of(built: Built, *, single_member: bool) -> Literal["gzip", "dense"]:
    """Return how the new layers of a build are compressed where nobody says it: *more* is for those who want to pull less."""
    return "dense" if built.slim == "more" and not single_member else "gzip"


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    layer: Descriptor
    compression: str
    coder: str


def _known(world: World, blob: Blob, diff_id: Digest, compression: Compression) -> Blob:
    """Return the layer compressed anew, once for each layer."""
    key = key_of(_Key(layer=blob.descriptor, compression=compression, coder=_CODERS[compression]))
    known = world.cache.recall("recompressed", key, Descriptor)
    if known == blob.descriptor:
        return blob
    found = world.cache.find(known) if known is not None else None
    if found is not None:
        return found
    layer = _layer(world, blob, diff_id, compression)
    world.cache.remember("recompressed", key, msgspec.json.encode(layer.descriptor))
    return layer


def _layer(world: World, blob: Blob, diff_id: Digest, compression: Compression) -> Blob:
    before = media_types.COMPRESSION.get(blob.descriptor.media_type)
    if before is None:
        raise IntegrityError(
            f"the layer {blob.descriptor.digest} is of an unknown media type", causes=(blob.descriptor.media_type,)
        )
    if before == compression:
        return blob
    with blob.open() as stored, world.cache.writing() as pending:
        plain = _Hashed(open_decompressed(stored, before, what=f"the layer {blob.descriptor.digest}"))
        digest = hashlib.sha256()
        size = 0
        for piece in compressed(plain.pieces(), compression):
            digest.update(piece)
            size += pending.file.write(piece)
        if plain.digest != diff_id:
            raise IntegrityError(
                f"the layer {blob.descriptor.digest} is damaged",
                causes=(f"expected the diff ID {diff_id}, got {plain.digest}",),
            )
        descriptor = Descriptor(media_type=_MEDIA_TYPES[compression], digest=f"sha256:{digest.hexdigest()}", size=size)
        if compression == "dense" and before == "gzip" and size >= blob.descriptor.size:
            return blob  # It came from a coder that takes even more time, or is tiny.
        path = world.cache.keep(pending, descriptor.digest)
    return FileBlob(descriptor=descriptor, path=path)


class _Hashed:
    """A stream that knows the digest of what was read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    def pieces(self) -> Iterator[bytes]:
        while data := self._stream.read(_CHUNK):
            self._hash.update(data)
            yield data

    @property
    def digest(self) -> Digest:
        return f"sha256:{self._hash.hexdigest()}"


def compressed(pieces: Iterable[bytes], compression: str) -> Iterator[bytes]:
    """Yield *pieces* compressed by the pinned coder, whatever their bounds are; as they are for `none`."""
    if compression == "dense":
        yield from dense_members(pieces)
        return
    if compression == "zstd":
        yield from zstd_frames(pieces)
        return
    if compression == "none":
        yield from pieces
        return
    coder = Deflater()
    crc = size = 0
    yield MEMBER_HEADER
    for piece in pieces:
        crc = crc32(piece, crc)
        size += len(piece)
        yield coder.compress(piece)
    yield coder.flush() + trailer(crc, size)
