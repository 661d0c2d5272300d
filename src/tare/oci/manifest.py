"""Manifests and indexes, read strictly and remembered as the bytes they came from.

https://github.com/opencontainers/image-spec/blob/main/manifest.md and image-index.md
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec

from tare.errors import HostileInputError, IntegrityError
from tare.oci import media_types
from tare.oci.config import ImageConfig
from tare.oci.descriptor import Descriptor
from tare.oci.structs import decoder

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes. The limit that containerd and containers/image keep for manifests and configs (after CVE-2020-1702)."""

SchemaVersion = Annotated[int, msgspec.Meta(ge=2, le=2)]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One image: its config and its layers, bottom first."""

    schema_version: SchemaVersion
    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str | None = None
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}


class Index(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Several manifests under one name, usually one for each platform."""

    schema_version: SchemaVersion
    manifests: tuple[Descriptor, ...]
    media_type: str | None = None
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}


class _Shape(msgspec.Struct, rename="camel"):
    """The keys that tell a manifest from an index, and from what is neither."""

    schema_version: int | None = None
    media_type: str | None = None
    config: msgspec.Raw = msgspec.Raw()
    layers: msgspec.Raw = msgspec.Raw()
    manifests: msgspec.Raw = msgspec.Raw()
    fs_layers: msgspec.Raw = msgspec.Raw()


def parse(raw: bytes, *, what: str, media_type: str | None = None) -> Manifest | Index:
    """Read a manifest or an index.

    *what* names the document in errors. *media_type* is what the descriptor or the `Content-Type` promised. A document
    that could be read as both is refused (CVE-2021-41190).
    """
    shape = decode(raw, _Shape, what=what)
    if shape.schema_version == 1 or shape.fs_layers:
        raise IntegrityError(
            f"{what} is of Docker's schema 1, which tare does not read",
            hints=("Copy the image with a current tool, for example `skopeo copy --format oci`",),
        )
    if shape.manifests and (shape.config or shape.layers):
        raise HostileInputError(f"{what} is ambiguous", causes=("it has `manifests` and also `config` or `layers`",))
    stated = shape.media_type or media_type
    if media_type and shape.media_type and media_type != shape.media_type:
        raise HostileInputError(
            f"{what} is ambiguous",
            causes=(f"it was announced as `{media_type}` and says of itself `{shape.media_type}`",),
        )
    is_index = bool(shape.manifests)
    if stated and stated not in (media_types.INDEXES if is_index else media_types.MANIFESTS):
        raise HostileInputError(f"{what} is ambiguous", causes=(f"its content does not fit its media type `{stated}`",))
    if is_index:
        return decode(raw, Index, what=what)
    return decode(raw, Manifest, what=what)


def parse_config(raw: bytes, *, what: str) -> ImageConfig:
    """Read an image configuration."""
    return decode(raw, ImageConfig, what=what)


Document = TypeVar("Document")


def decode(raw: bytes, kind: type[Document], *, what: str) -> Document:
    """Read JSON into *kind*, or raise `IntegrityError` that names *what* and the place in it."""
    if len(raw) > MAX_DOCUMENT:
        raise HostileInputError(
            f"{what} is too large", causes=(f"it has {len(raw)} bytes; the limit is {MAX_DOCUMENT}",)
        )
    try:
        document = decoder(kind).decode(raw)
        if msgspec.json.encode(document, order="sorted") != raw:  # else it is canonical, as what tare writes
            _refuse_duplicates(raw, what)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{what} cannot be read", causes=(str(error),)) from None
    return document


def _refuse_duplicates(raw: bytes, what: str) -> None:
    """Refuse an object with two values for one key: readers differ in which they take."""
    import json  # 2 ms, and only what others wrote is read by it

    def check(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise HostileInputError(f"{what} is ambiguous", causes=(f"it has two values for `{key[:80]}`",))
            seen.add(key)

    json.loads(raw, object_pairs_hook=check)


def encode(document: msgspec.Struct) -> bytes:
    """Return canonical JSON: sorted keys, no spaces, no escapes that are not needed."""
    return msgspec.json.encode(document, order="sorted")
