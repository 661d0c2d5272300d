"""What a layer's bytes depend on, all of it: the key under which a written layer is remembered."""

from __future__ import annotations

from typing import Final

import msgspec

from tare.oci.compression import CODER
from tare.oci.digest import Digest, sha256
from tare.oci.ground import Ground
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer
from tare.wheels.scheme import Provenance, Scheme, Shortened

FORMAT: Final = 2
"""Raised whenever the same plan would give other bytes."""


class SegmentKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a distribution's part of a layer depends on."""

    wheel: Digest
    scheme: Scheme
    provenance: Provenance
    without: tuple[str, ...]
    dropped: tuple[str, ...]
    cuts: tuple[tuple[str, str], ...]
    recoded: bool


class FileKey(msgspec.Struct, frozen=True, kw_only=True):
    """What one other file of a layer depends on."""

    path: str
    mode: int
    content: str
    """The content's digest, or `-> ` and a link's target."""


class LayerKey(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a layer's bytes depend on."""

    format: int
    coder: str
    mtime: int
    single_member: bool
    segments: tuple[SegmentKey, ...]
    files: tuple[FileKey, ...]
    directories: tuple[str, ...]
    ground: Ground


def layer_key(layer: PlannedLayer, *, mtime: int, single_member: bool, recoded: frozenset[Digest]) -> LayerKey:
    """Return what the bytes of *layer* depend on. *recoded* are wheels whose deflate streams must not be taken over."""
    return LayerKey(
        format=FORMAT,
        coder=CODER,
        mtime=mtime,
        single_member=single_member,
        segments=tuple(
            SegmentKey(
                wheel=segment.wheel,
                scheme=segment.scheme,
                provenance=segment.provenance,
                without=segment.without,
                dropped=tuple(each.path for each in segment.dropped),
                cuts=tuple(
                    (file.path, file.source.digest.hex())
                    for file in segment.files
                    if isinstance(file.source, Shortened)
                ),
                recoded=segment.wheel in recoded,
            )
            for segment in layer.segments
        ),
        files=tuple(_file_key(file) for file in layer.files),
        directories=layer.directories,
        ground=layer.ground,
    )


def _file_key(file: PlannedFile) -> FileKey:
    source = file.source
    content = (
        source.digest
        if isinstance(source, HostFile)
        else f"-> {source.target}"
        if isinstance(source, Link)
        else sha256(source)
    )
    return FileKey(path=file.path, mode=file.mode, content=content)
