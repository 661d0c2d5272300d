"""How much of an image a check takes on before it calls the rest a bomb."""

from __future__ import annotations

import msgspec

GIB = 1024**3


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what is read. The defaults pass every honest image that we know of; see `docs/verify.md`."""

    document: int = 4 * 1024 * 1024
    """Bytes of an index, a manifest or a config."""

    nesting: int = 64
    """Levels of arrays and objects in one document."""

    depth: int = 8
    """Indexes within indexes."""

    documents: int = 10_000
    """Indexes and manifests in all."""

    layers: int = 1_000
    """Layers of one manifest."""

    entries: int = 1_000_000
    """Members of the layers of one manifest. The tree of their names takes about 120 bytes for each."""

    steps: int = 64_000_000
    """Names on the paths of those members, and in the links on their way."""

    extended: int = 1024 * 1024
    """Bytes of one pax or GNU long-name header. All of a layer's together may have 16 times as much, and 1 KiB a member."""

    window: int = 128 * 1024 * 1024
    """Bytes that a zstd frame may look back: what `zstd` itself accepts without being asked."""

    suspicious_ratio: int = 50
    """Uncompressed over compressed bytes of a layer that is worth a warning, past *suspicious_size*."""

    suspicious_size: int = 64 * 1024 * 1024

    bomb_ratio: int = 200
    """Uncompressed over compressed bytes at which the reading of a layer ends, past *bomb_size*."""

    bomb_size: int = 4 * GIB

    total: int = 512 * GIB
    """Uncompressed bytes of all layers of all manifests together."""

    findings: int = 20
    """Times that one rule is told for the documents, and for each layer."""
