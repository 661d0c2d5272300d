"""Layers by what they depend on: found where they were written before, or written now."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from tare import threads
from tare.build.keys import layer_key
from tare.oci.digest import Digest
from tare.oci.layer import WrittenLayer
from tare.plan.plan import PlannedLayer
from tare.stores.cache import Cache, Pending, key_of

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


class _Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that has to be written."""

    index: int
    key: Digest
    layer: PlannedLayer


def write_layers(
    cache: Cache, layers: Sequence[PlannedLayer], wheels: Mapping[Digest, Wheel], writing: Writing
) -> tuple[Outcome, ...]:
    """Return *layers* as blobs of *cache*, in their order. The largest are written first.

    Threads go in pairs: one puts a layer together, and one hashes what is in it. Two that put layers together would
    wait for Python's lock: `docs/transmux.md`.
    """
    outcomes: dict[int, Outcome] = {}
    missing = []
    for index, layer in enumerate(layers):
        key = _key(layer, writing)
        known = cache.recall(_KIND, key, WrittenLayer)
        if known is not None and cache.find(known.descriptor) is not None:
            outcomes[index] = Outcome(layer=known, reused=True)
        else:
            missing.append(_Missing(index=index, key=key, layer=layer))
    if missing:
        missing.sort(key=lambda each: -each.layer.unpacked)
        outcomes |= _write(cache, missing, wheels, writing)
    return tuple(outcomes[index] for index in range(len(layers)))


def _key(layer: PlannedLayer, writing: Writing) -> Digest:
    return key_of(layer_key(layer, mtime=writing.mtime, single_member=writing.single_member, recoded=writing.recoded))


def _write(
    cache: Cache, missing: Sequence[_Missing], wheels: Mapping[Digest, Wheel], writing: Writing
) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    if writing.threads < 2:
        _put_together(cache, deque(missing), wheels, writing, outcomes)
        return outcomes
    pairs = min(writing.threads // 2, len(missing))
    left = deque(missing)
    with contextlib.ExitStack() as stack:
        lanes = [threads.Lane(stack.enter_context(threads.pool(1))) for _ in range(pairs)]
        pool = stack.enter_context(threads.pool(pairs))
        stack.callback(left.clear)
        done = [pool.submit(_put_together, cache, left, wheels, writing, outcomes, lane) for lane in lanes]
        for each in done:
            each.result()
    return outcomes


def _put_together(  # noqa: PLR0917  # a pool passes them by place
    cache: Cache,
    left: deque[_Missing],
    wheels: Mapping[Digest, Wheel],
    writing: Writing,
    outcomes: dict[int, Outcome],
    lane: threads.Lane | None = None,
) -> None:
    """Write layers until none is *left*. The next one is begun while *lane* hashes the end of the last."""
    from tare.build.transmux import begin_layer

    with contextlib.ExitStack() as stack:
        behind: Callable[[], None] | None = None
        while left:
            try:
                each = left.popleft()
            except IndexError:  # another thread was faster
                break
            pending = stack.enter_context(cache.writing())
            written = begin_layer(
                each.layer,
                wheels,
                pending.file,
                mtime=writing.mtime,
                single_member=writing.single_member,
                recoded=writing.recoded,
                lane=lane,
            )
            if behind is not None:
                behind()
            behind = partial(_keep, cache, each, pending, written, outcomes)
        if behind is not None:
            behind()


def _keep(
    cache: Cache,
    missing: _Missing,
    pending: Pending,
    written: Callable[[], WrittenLayer],
    outcomes: dict[int, Outcome],
) -> None:
    layer = written()
    cache.keep(pending, layer.descriptor.digest, found=True)
    cache.remember(_KIND, missing.key, msgspec.json.encode(layer))
    outcomes[missing.index] = Outcome(layer=layer, reused=False)
