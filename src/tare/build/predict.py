"""How large a layer will be, before any of its wheels was downloaded.

A wheel's file keeps its own deflate stream in the layer, and the central directory says how long that is; what tare
compresses itself (headers, RECORD, scripts) is at hand. So a prediction is the layer's exact size: `docs/transmux.md`.
"""

from __future__ import annotations

import msgspec

from tare.oci.changeset import LayerGauge
from tare.oci.compression import stored_size
from tare.oci.digest import Digest
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer
from tare.wheels.methods import STORED
from tare.wheels.scheme import InstalledFile, Shortened


class PredictedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer will weigh."""

    size: int
    """Compressed bytes."""

    unpacked: int
    """Bytes of its regular files."""

    exact: bool
    """Whether every byte was counted; if not, files that have to be compressed anew were taken as they are now."""


def predict_layer(
    layer: PlannedLayer, *, mtime: int, single_member: bool = False, recoded: frozenset[Digest] = frozenset()
) -> PredictedLayer:
    """Return what `write_layer` would write of *layer*, without reading the contents of its wheels."""
    gauge = LayerGauge(mtime=mtime)
    exact = True
    ground = layer.ground
    for path in layer.all_directories():
        directory = ground.directory(path)
        gauge.add(path, kind="directory", mode=directory.mode, uid=directory.uid, gid=directory.gid)
    for segment in layer.segments:
        again = single_member or segment.wheel in recoded
        for file in segment.files:
            exact &= _measure(gauge, file, ground.place(file.path), again=again)
    for planned in layer.files:
        exact &= _measure_planned(gauge, planned, ground.place(planned.path))
    size, unpacked = gauge.measured()
    return PredictedLayer(size=size, unpacked=unpacked, exact=exact)


def _measure(gauge: LayerGauge, file: InstalledFile, path: str, *, again: bool) -> bool:
    member = file.source
    if isinstance(member, bytes):
        gauge.add(path, mode=file.mode, data=member)
    elif isinstance(member, Shortened):
        gauge.add_measured(path, mode=file.mode, size=file.size, compressed=min(file.size, member.member.compressed))
        return False
    elif member.size == 0:
        gauge.add(path, mode=file.mode)
    else:
        compressed = stored_size(member.size) if member.method == STORED else member.compressed
        gauge.add_measured(path, mode=file.mode, size=file.size, compressed=compressed)
        return not again
    return True


def _measure_planned(gauge: LayerGauge, file: PlannedFile, path: str) -> bool:
    source = file.source
    if isinstance(source, Link):
        gauge.add(path, kind="symlink", mode=0o777, target=source.target)
    elif isinstance(source, HostFile):
        gauge.add_measured(path, mode=file.mode, size=file.size, compressed=file.size)
        return False
    else:
        gauge.add(path, mode=file.mode, data=source)
    return True
