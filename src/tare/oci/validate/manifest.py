"""Image manifests: the config, the layers, and what kind of thing they are together.

https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
"""

from __future__ import annotations

from typing import Final

import msgspec

from tare.oci import media_types
from tare.oci.digest import sha256
from tare.oci.validate import annotation, descriptors, index, shape
from tare.oci.validate.descriptors import Stated
from tare.oci.validate.documents import Object
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import Report, shown

_MOST_LAYERS: Final = 127
"""What the overlay file system of common engines can stack (containerd and Docker say 125 to 128)."""

EMPTY_DIGEST: Final = sha256(b"{}")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the rest of a check needs of a manifest."""

    fields: Fields

    config: Stated | None

    layers: tuple[Stated | None, ...] | None
    """None for one that cannot be looked for, and for all if there is no list."""

    @property
    def image(self) -> bool:
        """Whether the config is an image's."""
        return self.config is not None and self.config.media_type in media_types.CONFIGS


def check(value: Object, where: str, report: Report) -> Manifest:
    """Check a manifest, but for what depends on its being an image."""
    fields = Fields(value, where, "", report, code="M004")
    fields.known(shape.FIELDS)
    if fields.string("mediaType") is None:
        fields.fault("mediaType", "expected the document's own media type, found nothing", "M005")
    artifact_type = index.check_artifact_type(fields)
    annotation.check(fields)
    index.check_subject(fields)
    described = fields.object("config", required=True, code="D001")
    config = None if described is None else descriptors.check(described)
    items = list(fields.objects("layers", required=True, code="D001"))
    layers = tuple(None if item is None else descriptors.check(item) for item in items)
    manifest = Manifest(fields=fields, config=config, layers=layers if isinstance(value.get("layers"), list) else None)
    _check_empty([config, *layers])
    _check_artifact(manifest, artifact_type)
    return manifest


def _check_empty(stated: list[Stated | None]) -> None:
    """Check that the empty media type is used for `{}` alone."""
    for item in stated:
        if item is not None and item.media_type == media_types.EMPTY and (item.size, item.digest) != (2, EMPTY_DIGEST):
            message = f"expected 2 bytes, {EMPTY_DIGEST}, found {item.size} bytes, {item.digest}"
            item.fields.fault("mediaType", message, "M009")


def _check_artifact(manifest: Manifest, artifact_type: str | None) -> None:
    config = manifest.config
    if config is None or manifest.image:
        return
    if config.media_type == media_types.EMPTY and not artifact_type:
        manifest.fields.fault("artifactType", "expected a type, as the config is empty, found nothing", "M008")
    message = f"`{shown(artifact_type or config.media_type)}` is no image: its layers are compared, not unpacked"
    config.fields.fault("mediaType", message, "M007")


def check_layers(manifest: Manifest) -> None:
    """Check the layers' descriptors of an image."""
    fields, layers = manifest.fields, manifest.layers
    if layers is None:
        return
    if not layers:
        fields.fault("layers", "expected at least one layer, found none: some engines refuse that", "M011")
    if len(layers) > _MOST_LAYERS:
        message = f"expected at most {_MOST_LAYERS}, found {len(layers)}: engines cannot stack them"
        fields.fault("layers", message, "M010")
    for layer in layers:
        if layer is not None:
            _check_layer(layer)
    _check_families(manifest)


def _check_layer(layer: Stated) -> None:
    media_type = layer.media_type
    if media_type not in media_types.COMPRESSION:
        message = f"expected a layer that can be unpacked, found `{shown(media_type)}`"
        layer.fields.fault("mediaType", message, "M006")
    elif is_foreign(media_type):
        layer.fields.fault("mediaType", "the type is deprecated: the layer cannot be pushed to a registry", "M012")
    elif media_type == media_types.DOCKER_LAYER_ZSTD:
        message = f"expected `{media_types.LAYER_ZSTD}`, found `{media_type}`, which most engines refuse"
        layer.fields.fault("mediaType", message, "M013")


def _check_families(manifest: Manifest) -> None:
    """Find manifests that mix OCI's and Docker's media types: some tools refuse to convert them."""
    types = {stated.media_type for stated in (manifest.config, *(manifest.layers or ())) if stated is not None}
    types.add(str(manifest.fields.value.get("mediaType") or ""))
    families = {"Docker" if ".docker." in name else "OCI" for name in types if name}
    if len(families) > 1:
        message = "expected media types of one family, found OCI's and Docker's"
        manifest.fields.fault("layers", message, "M015")


def is_foreign(media_type: str) -> bool:
    """Tell whether layers of *media_type* may be absent, since they are not distributed."""
    return ".nondistributable." in media_type or ".foreign." in media_type
