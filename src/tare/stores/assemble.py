"""Puts images together from a place that finds blobs by descriptor: what layouts, archives and registries share."""

from __future__ import annotations

from typing import Final, Protocol

from tare.errors import HostileInputError, IntegrityError
from tare.oci import manifest as manifests
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.image import Artifact, Blob, Image, ImageIndex
from tare.oci.manifest import Index, Manifest
from tare.oci.platform import Platform
from tare.stores import platforms

MAX_NESTING: Final = 4
"""Indexes in an index. The specification sets no limit; two levels are what tools write."""


class BlobFinder(Protocol):
    """The part of a store that knows where bytes lie."""

    @property
    def what(self) -> str:
        """The name of the place, as errors print it."""
        ...

    def document(self, descriptor: Descriptor, what: str) -> bytes:
        """Return a manifest, an index or a config, verified and capped."""
        ...

    def layer(self, descriptor: Descriptor, what: str) -> Blob:
        """Return a layer without reading it. That it is missing, or of another size, may be found here or later."""
        ...


def read_image(finder: BlobFinder, top: Descriptor, platform: Platform | None) -> Image:
    """Return the image for *platform* under *top*, which is a manifest or an index."""
    for _ in range(MAX_NESTING):
        raw, document = _read(finder, top)
        if isinstance(document, Manifest):
            image = _image(finder, raw, document)
            platforms.check(image.platform, platform, what=finder.what)
            return image
        top = platforms.choose(document.manifests, platform, what=finder.what)
    raise _too_deep(finder)


def read_all(finder: BlobFinder, top: Descriptor) -> Image | ImageIndex:
    """Return the image, or the index with all that it names, under *top*."""
    raw, document = _read(finder, top)
    if isinstance(document, Manifest):
        return _image(finder, raw, document)
    return _index(finder, raw, document, depth=1)


def _index(finder: BlobFinder, raw: bytes, index: Index, *, depth: int) -> ImageIndex:
    if depth > MAX_NESTING:
        raise _too_deep(finder)
    members = [_member(finder, entry, depth) for entry in index.manifests]
    return ImageIndex(
        raw=raw,
        index=index,
        images=tuple(member for member in members if isinstance(member, Image)),
        others=tuple(member for member in members if not isinstance(member, Image)),
    )


def _member(finder: BlobFinder, entry: Descriptor, depth: int) -> Image | Artifact | ImageIndex:
    raw, document = _read(finder, entry)
    if isinstance(document, Index):
        return _index(finder, raw, document, depth=depth + 1)
    if platforms.is_image(entry) and document.config.media_type in media_types.CONFIGS:
        return _image(finder, raw, document)
    what = f"a blob of {entry.digest} of {finder.what}"
    blobs = tuple(finder.layer(descriptor, what) for descriptor in (document.config, *document.layers))
    return Artifact(descriptor=entry, raw=raw, manifest=document, blobs=blobs)


def _read(finder: BlobFinder, descriptor: Descriptor) -> tuple[bytes, Manifest | Index]:
    what = f"the manifest {descriptor.digest} of {finder.what}"
    raw = finder.document(descriptor, what)
    return raw, manifests.parse(raw, what=what, media_type=descriptor.media_type)


def _image(finder: BlobFinder, raw: bytes, manifest: Manifest) -> Image:
    if manifest.config.media_type not in media_types.CONFIGS:
        raise IntegrityError(
            f"{finder.what} is not a container image", causes=(f"its config is a `{manifest.config.media_type}`",)
        )
    what = f"the config of {finder.what}"
    raw_config = finder.document(manifest.config, what)
    config = manifests.parse_config(raw_config, what=what)
    if len(config.rootfs.diff_ids) != len(manifest.layers):
        raise HostileInputError(
            f"{finder.what} contradicts itself",
            causes=(f"its manifest has {len(manifest.layers)} layers, its config {len(config.rootfs.diff_ids)}",),
        )
    layers = tuple(
        finder.layer(descriptor, f"layer {number} of {finder.what}")
        for number, descriptor in enumerate(manifest.layers, 1)
    )
    return Image(raw=raw, manifest=manifest, raw_config=raw_config, config=config, layers=layers)


def _too_deep(finder: BlobFinder) -> HostileInputError:
    return HostileInputError(
        f"{finder.what} is an index within an index", causes=(f"more than {MAX_NESTING} of them lie in each other",)
    )
