"""Descriptors: what is known of content before it is read.

https://github.com/opencontainers/image-spec/blob/main/descriptor.md
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from tare.oci.digest import Digest
from tare.oci.platform import Platform

Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number of bytes, as the specification's int64."""


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The media type, digest and size of a blob."""

    media_type: str

    digest: Digest

    size: Size
    """Bytes, as stored: of a layer, the compressed ones."""

    urls: tuple[str, ...] = ()

    annotations: dict[str, str] = {}

    artifact_type: str | None = None

    platform: Platform | None = None
    """Of a manifest in an index: what the image runs on."""

    data: str | None = None
    """The content itself in base 64, if it is embedded."""
