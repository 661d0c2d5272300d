"""How large a layer will be, before any of its wheels was downloaded.

A wheel's file keeps its own deflate stream in the layer, and the central directory says how long that is; what tare
compresses itself (headers, RECORD, scripts) is at hand. So a prediction is the layer's exact size: `docs/transmux.md`.
A wheel that was built here is compressed anew in its layer, and so it is for a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from tare.oci.changeset import LayerGauge
from tare.oci.compression import stored_size
from tare.oci.digest import Digest
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer
from tare.wheels.methods import STORED
from tare.wheels.scheme import InstalledFile, Shortened

if TYPE_CHECKING:
    from tare.wheels.wheel import Wheel

_NOTHING: Final[Mapping[Digest, Wheel]] = MappingProxyType({})


class PredictedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer will weigh."""

    size: int
    """Compressed bytes."""

    unpacked: int
    """Bytes of its regular files."""

    exact: bool
    """Whether every byte was counted; if not, files that have to be compressed anew, and are not at hand, were taken as they are."""


def predict_layer(
    layer: PlannedLayer,
    *,
    mtime: int,
    single_member: bool = False,
    recoded: frozenset[Digest] = frozenset(),
    wheels: Mapping[Digest, Wheel] = _NOTHING,
) -> PredictedLayer:
    """Return what `begin_layer` would write of *layer*. What has to be compressed anew is read from *wheels*, those that
    are at hand; of all others nothing is read.
    """
    gauge = LayerGauge(mtime=mtime)
    exact = True
    ground = layer.ground
    for path in layer.all_directories():
        directory = ground.directory(path)
        gauge.add(path, kind="directory", mode=directory.mode, uid=directory.uid, gid=directory.gid)
    for segment in layer.segments:
        again = single_member or segment.wheel in recoded
        for file in segment.files:
            wheel = wheels.get(segment.wheel) if again or isinstance(file.source, Shortened) else None
            exact &= _measure(gauge, file, ground.place(file.path), again=again, wheel=wheel)
    for planned in layer.files:
        exact &= _measure_planned(gauge, planned, ground.place(planned.path))
    size, unpacked = gauge.measured()
    return PredictedLayer(size=size, unpacked=unpacked, exact=exact)


def _measure(gauge: LayerGauge, file: InstalledFile, path: str, *, again: bool, wheel: Wheel | None) -> bool:
    """Count a file, and return whether that is exact. With *wheel*, it is compressed anew from there."""
    member = file.source
    if isinstance(member, bytes):
        gauge.add(path, mode=file.mode, data=member)
    elif isinstance(member, Shortened):
        if wheel is None:
            compressed = min(file.size, member.member.compressed)
            gauge.add_measured(path, mode=file.mode, size=file.size, compressed=compressed)
            return False
        gauge.add_stream(path, mode=file.mode, size=file.size, chunks=member.content(wheel.content(member.member)))
    elif member.size == 0:
        gauge.add(path, mode=file.mode)
    elif wheel is not None:
        gauge.add_stream(path, mode=file.mode, size=file.size, chunks=wheel.content(member))
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
