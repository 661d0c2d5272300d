"""Layers, once they were written."""

from __future__ import annotations

import msgspec

from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest


class WrittenLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a layer once it was written."""

    descriptor: Descriptor

    diff_id: Digest
    """The digest of the uncompressed tar."""

    unpacked: int
    """Bytes of its regular files."""
