"""Wheels that are looked at and not downloaded: by ranges of the archive, remembered by its digest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import msgspec

from tare import threads
from tare.errors import IntegrityError
from tare.flow.build.dependencies import NeedsKey, is_native
from tare.flow.build.distributions import digest_of, fetch, is_there
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.projects.locked import LockedWheel
from tare.stores.cache import key_of
from tare.wheels import heads, needs
from tare.wheels.heads import Heads
from tare.wheels.needs import WheelElf
from tare.wheels.remote import Pieces, RemoteBytes, open_remote, tail_guess
from tare.wheels.wheel import Wheel, open_wheel

FORMAT: Final = 1
"""Raised when other pieces of a wheel would be kept."""

_AT_ONCE: Final = 8

Origin = Literal["cache", "file", "ranges", "download"]


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel, as far as it has been read."""

    wheel: Wheel
    size: int
    """Bytes of its file."""

    origin: Origin
    """`ranges` for one that was not downloaded, `download` for one that had to be."""

    fetched: int
    """Bytes that came over the network for it, now."""

    heads: Heads
    """What its libraries need, as far as that is known."""


class _PiecesKey(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    wheel: Digest


class _HeadsKey(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    wheel: Digest
    filename: str


def look_at(world: World, wheels: Iterable[LockedWheel]) -> dict[str, Looked]:
    """Return *wheels* by file name, the largest first; those that lie on this machine are read there."""
    ordered = sorted({wheel.filename: wheel for wheel in wheels}.values(), key=lambda wheel: -(wheel.size or 0))
    if not ordered:
        return {}
    with world.step("look at wheels"), threads.pool(_AT_ONCE) as pool:
        futures = [pool.submit(_look, world, wheel) for wheel in ordered]
        return {wheel.filename: future.result() for wheel, future in zip(ordered, futures, strict=True)}


def recalled(world: World, locked: LockedWheel) -> Heads | None:
    """Return what is remembered of the libraries of a wheel: all of it, or what their beginnings told."""
    digest = digest_of(locked)
    known = world.cache.recall("elf", _needs_key(digest, locked.filename), WheelElf)
    if known is not None:
        return Heads(needs=known, complete=True)
    return world.cache.recall("heads", _heads_key(digest, locked.filename), Heads)


def heads_of(world: World, locked: LockedWheel, path: Path) -> Heads:
    """Return what the libraries of the wheel at *path* need, all of which are read."""
    return _whole(world, open_wheel(path, locked.filename, digest_of(locked)))


def _look(world: World, locked: LockedWheel) -> Looked:
    digest = digest_of(locked)
    path = world.cache.path(digest)
    if is_there(path, locked.size):
        return _at_hand(world, locked, digest, path, origin="cache", fetched=0)
    if locked.path is not None:
        fetch(world, locked, digest, path)
        return _at_hand(world, locked, digest, path, origin="file", fetched=0)
    source = _source(world, locked, digest)
    if source is None:
        fetch(world, locked, digest, path)
        return _at_hand(world, locked, digest, path, origin="download", fetched=path.stat().st_size)
    before = source.fetched
    wheel = open_remote(source, locked.filename, digest)
    found = _heads(world, wheel, source.size)
    if source.fetched != before or before:
        key = key_of(_PiecesKey(format=FORMAT, wheel=digest))
        world.cache.remember("pieces", key, msgspec.msgpack.encode(source.known()))
    return Looked(wheel=wheel, size=source.size, origin="ranges", fetched=source.fetched, heads=found)


def _source(world: World, locked: LockedWheel, digest: Digest) -> RemoteBytes | None:
    """Return the archive's bytes where they lie; None if their server has no ranges."""
    url = locked.url
    if url is None:
        raise IntegrityError(f"the lockfile does not say where `{locked.filename}` is")

    def get(offset: int, length: int) -> bytes:
        read = world.fetcher.read_range(url, offset, length)
        if read is None:
            raise IntegrityError(f"the server of `{locked.filename}` stopped to have ranges")
        world.reporter.advance(len(read.data))
        return read.data

    kept = world.cache.remembered("pieces", key_of(_PiecesKey(format=FORMAT, wheel=digest)))
    if kept is not None:
        try:
            return RemoteBytes(msgspec.msgpack.decode(kept, type=Pieces), get)
        except msgspec.DecodeError:  # what cannot be read is fetched again
            pass
    tail = world.fetcher.read_range(url, None, tail_guess(locked.size))
    if tail is None:
        return None
    if locked.size is not None and tail.total != locked.size:
        raise IntegrityError(
            f"`{locked.filename}` is not what was promised",
            causes=(f"the lockfile says {locked.size:,} bytes, its server has {tail.total:,}",),
        )
    source = RemoteBytes(Pieces(size=tail.total, pieces=((tail.start, tail.data),)), get)
    source.fetched = len(tail.data)
    return source


def _at_hand(world: World, locked: LockedWheel, digest: Digest, path: Path, *, origin: Origin, fetched: int) -> Looked:
    wheel = open_wheel(path, locked.filename, digest)
    size = path.stat().st_size
    return Looked(wheel=wheel, size=size, origin=origin, fetched=fetched, heads=_whole(world, wheel))


def _heads(world: World, wheel: Wheel, size: int) -> Heads:
    """Return what a wheel needs, as a build would know it if it was built before, or as its libraries begin."""
    if not is_native(wheel):
        return Heads(needs=WheelElf(distribution=wheel.name, wheel=wheel.filename), complete=True)
    known = world.cache.recall("elf", _needs_key(wheel.digest, wheel.filename), WheelElf)
    if known is not None:
        return Heads(needs=known, complete=True)
    key = _heads_key(wheel.digest, wheel.filename)
    found = world.cache.recall("heads", key, Heads)
    if found is None:
        found = heads.inspect_heads(wheel, size)
        world.cache.remember("heads", key, msgspec.json.encode(found))
    return found


def _whole(world: World, wheel: Wheel) -> Heads:
    """Return the same of a wheel that is at hand, which is what its build will remember."""
    if not is_native(wheel):
        return Heads(needs=WheelElf(distribution=wheel.name, wheel=wheel.filename), complete=True)
    known = world.cache.recall("elf", _needs_key(wheel.digest, wheel.filename), WheelElf)
    if known is None:
        known = needs.inspect(wheel)
        world.cache.remember("elf", _needs_key(wheel.digest, wheel.filename), msgspec.json.encode(known))
    return Heads(needs=known, complete=True)


def _needs_key(wheel: Digest, filename: str) -> Digest:
    return key_of(NeedsKey(format=needs.FORMAT, wheel=wheel, filename=filename))


def _heads_key(wheel: Digest, filename: str) -> Digest:
    return key_of(_HeadsKey(format=heads.FORMAT, wheel=wheel, filename=filename))
