"""Layers by what they depend on: found where they were written before, or written now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from tare import threads
from tare.build.keys import layer_key
from tare.oci.digest import Digest
from tare.oci.layer import WrittenLayer
from tare.plan.plan import PlannedLayer
from tare.stores.cache import Cache, key_of

if TYPE_CHECKING:
    from tare.wheels.wheel import Wheel

_KIND: Final = "layers"


class Writing(msgspec.Struct, frozen=True, kw_only=True):
    """How layers are written."""

    mtime: int
    """Seconds since 1970 that every entry is dated to."""

    single_member: bool = False
    recoded: frozenset[Digest] = frozenset()
    """Wheels whose deflate streams must not be taken over."""

    threads: int = 1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A layer, and whether it was there before."""

    layer: WrittenLayer
    reused: bool


def write_layers(
    cache: Cache, layers: Sequence[PlannedLayer], wheels: Mapping[Digest, Wheel], writing: Writing
) -> tuple[Outcome, ...]:
    """Return *layers* as blobs of *cache*, in their order. Each is written by one thread, the largest first."""

    def one(layer: PlannedLayer) -> Outcome:
        return _one(cache, layer, wheels, writing)

    if writing.threads < 2 or len(layers) < 2:
        return tuple(map(one, layers))
    with threads.pool(writing.threads) as pool:
        order = sorted(range(len(layers)), key=lambda index: -layers[index].unpacked)
        futures = {index: pool.submit(one, layers[index]) for index in order}
        return tuple(futures[index].result() for index in range(len(layers)))


def _one(cache: Cache, layer: PlannedLayer, wheels: Mapping[Digest, Wheel], writing: Writing) -> Outcome:
    key = key_of(layer_key(layer, mtime=writing.mtime, single_member=writing.single_member, recoded=writing.recoded))
    known = cache.recall(_KIND, key, WrittenLayer)
    if known is not None and cache.find(known.descriptor) is not None:
        return Outcome(layer=known, reused=True)
    from tare.build.transmux import write_layer

    with cache.writing() as pending:
        written = write_layer(
            layer,
            wheels,
            pending.file,
            mtime=writing.mtime,
            single_member=writing.single_member,
            recoded=writing.recoded,
        )
        cache.keep(pending, written.descriptor.digest, found=True)
    cache.remember(_KIND, key, msgspec.json.encode(written))
    return Outcome(layer=written, reused=False)
