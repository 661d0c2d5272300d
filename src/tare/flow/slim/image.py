"""`tare slim`: an image, whoever built it, without what no container needs.

Each layer is read twice and never unpacked: once to know all files and what they say of each other, once to be written
again without what goes. Headers of what stays are taken over as they are, with owners, times and extended attributes.
A layer of which nothing goes keeps its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tare.bases.tree import Tree
from tare.flow.bases.named import layer_openers, opener
from tare.flow.images.recompress import compressed
from tare.flow.slim.layer import Change, rewritten
from tare.flow.slim.reading import Reading, Seen
from tare.flow.slim.whiteouts import idle_whiteouts
from tare.flow.world import World
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, sha256
from tare.oci.image import Blob, FileBlob, Image, read_image
from tare.oci.tar import TarReader
from tare.plan.plan import Dropped
from tare.plan.slim import DEAD, Evidence, Level, decide, table


class Slimmed(msgspec.Struct, frozen=True, kw_only=True):
    """An image that lost something, or the image itself where nothing could go."""

    image: Image
    dropped: tuple[Dropped, ...]
    shortened: tuple[Dropped, ...]
    dead: int
    """Bytes of files that no container saw."""

    unpacked: tuple[int, int]
    """Bytes of the regular files of all layers, before and after."""


def slim_image(world: World, image: Image, level: Level, spared: frozenset[str] = frozenset()) -> Slimmed:
    """Return *image* without what the rules of *level* take. The same image gives the same bytes."""
    with world.step("read the image"):
        reading = read(image)
    changes, dropped, shortened = _changes(reading, level, spared)
    idle = {} if DEAD in spared else idle_whiteouts(reading.entries, _going(changes))
    dead = 0 if DEAD in spared else sum(seen.size for seen in reading.dead)
    if not any(changes.values()) and not idle:
        return Slimmed(image=image, dropped=(), shortened=(), dead=0, unpacked=_unpacked(reading, changes))
    with world.step("write layers"):
        layers = [
            _layer(world, blob, changes[number], level, idle.get(number, frozenset()))
            if changes[number] or number in idle
            else (blob, diff_id)
            for number, (blob, diff_id) in enumerate(zip(image.layers, image.config.rootfs.diff_ids, strict=True))
        ]
    made = _image(image, layers, f"tare slim --level={level}")
    return Slimmed(image=made, dropped=dropped, shortened=shortened, dead=dead, unpacked=_unpacked(reading, changes))


def _unpacked(reading: Reading, changes: Mapping[int, Mapping[int, Change]]) -> tuple[int, int]:
    """Return the bytes of all files, before and after *changes*."""
    before = reading.unpacked
    sizes = {(seen.layer, seen.number): seen.size for seen in reading.seen}
    lost = sum(sizes[layer, number] - _size(change) for layer, of in changes.items() for number, change in of.items())
    return before, before - lost


def _size(change: Change) -> int:
    return 0 if change is None else len(change) if isinstance(change, bytes) else change.size


def read(image: Image) -> Reading:
    """Return what is in the layers of *image*."""
    reading = Reading()
    tree = Tree()
    for number, open_layer in enumerate(layer_openers(image)):
        with open_layer() as stream:
            reading.begin(number)
            reader = TarReader(stream, what=f"layer {image.layers[number].descriptor.digest}")
            tree.apply(reading.noting(reader), reading.take)
    reading.finish(tree)
    return reading


def _changes(
    reading: Reading, level: Level, spared: frozenset[str]
) -> tuple[dict[int, dict[int, Change]], tuple[Dropped, ...], tuple[Dropped, ...]]:
    """Return, by layer and by the number of the file in it, what becomes of files; and what to tell of it."""
    cutting = {rule.code for rule in table().rule if rule.cut}
    live = reading.live
    codes = decide(live, level, _evidence(live), spared=spared)
    names = reading.names()
    changes: dict[int, dict[int, Change]] = {number: {} for number in range(reading.layers)}
    dropped, shortened = [], []
    for path, code in sorted(codes.items()):
        seen, every = live[path], names[id(live[path])]
        if code in cutting:
            if seen.cut is not None and len(every) == 1 and path not in reading.fixed:
                changes[seen.layer][seen.number] = seen.cut
                shortened.append(Dropped(path=path, size=seen.size - seen.cut.size, code=code))
        elif reading.fixed.isdisjoint(every) and all(name in codes and codes[name] not in cutting for name in every):
            # A file goes with all of its names or stays: uv links what it installs to what is in its cache.
            changes[seen.layer][seen.number] = None
            dropped.append(Dropped(path=path, size=seen.size if path == every[0] else 0, code=code))
    for path, data in reading.records({each.path for each in dropped}, {each.path for each in shortened}):
        seen = live[path]
        if len(names[id(seen)]) == 1:  # Two names would have to say two things.
            changes[seen.layer][seen.number] = data
    if DEAD not in spared:
        for seen in reading.dead:
            changes[seen.layer][seen.number] = None
    return changes, tuple(dropped), tuple(shortened)


def _evidence(live: Mapping[str, Seen]) -> Evidence:
    return Evidence(
        mentions={path: seen.mentions for path, seen in live.items() if seen.mentions},
        stub_readers=frozenset(path for path, seen in live.items() if seen.reads_stub),
        iconv=any(seen.iconv for seen in live.values()),
        libdb=any(seen.libdb for seen in live.values()),
    )


def _going(changes: dict[int, dict[int, Change]]) -> dict[int, set[int]]:
    """Return the numbers of the files that go, by their layer."""
    return {layer: {number for number, change in found.items() if change is None} for layer, found in changes.items()}


def _layer(
    world: World, blob: Blob, changes: dict[int, Change], level: Level, without: frozenset[str]
) -> tuple[Blob, Digest]:
    """Return the layer written anew, compressed as it was; gzip as densely as it can be where *more* is asked for."""
    compression = media_types.COMPRESSION.get(blob.descriptor.media_type, "gzip")
    if compression == "gzip" and level == "more":
        compression = "dense"
    plain = hashlib.sha256()
    stored = hashlib.sha256()
    size = 0
    with opener(blob)() as stream, world.cache.writing() as pending:

        def pieces() -> Iterator[bytes]:
            for piece in rewritten(stream, changes, what=f"layer {blob.descriptor.digest}", without=without):
                plain.update(piece)
                yield piece

        for piece in compressed(pieces(), compression):
            stored.update(piece)
            size += pending.file.write(piece)
        descriptor = Descriptor(media_type=blob.descriptor.media_type, digest=f"sha256:{stored.hexdigest()}", size=size)
        path = world.cache.keep(pending, descriptor.digest)
    return FileBlob(descriptor=descriptor, path=path), f"sha256:{plain.hexdigest()}"


def _image(image: Image, layers: list[tuple[Blob, Digest]], by: str) -> Image:
    """Return *image* with other layers. Whatever else its documents say stays, known to tare or not."""
    config = msgspec.json.decode(image.raw_config)
    config["rootfs"]["diff_ids"] = [diff_id for _, diff_id in layers]
    if config.get("history"):
        created = {"created": image.config.created} if image.config.created else {}
        config["history"] = [*config["history"], {**created, "created_by": by, "empty_layer": True}]
    raw_config = msgspec.json.encode(config, order="sorted")
    manifest = msgspec.json.decode(image.raw)
    manifest["config"] = _other(manifest["config"], sha256(raw_config), len(raw_config))
    manifest["layers"] = [
        entry
        if entry["digest"] == blob.descriptor.digest
        else _other(entry, blob.descriptor.digest, blob.descriptor.size)
        for entry, (blob, _) in zip(manifest["layers"], layers, strict=True)
    ]
    raw = msgspec.json.encode(manifest, order="sorted")
    return read_image(raw, raw_config, tuple(blob for blob, _ in layers), what="the slim image")


def _other(descriptor: Mapping[str, Any], digest: Digest, size: int) -> dict[str, Any]:
    """Return a descriptor of other bytes, without what it says of the bytes as they were: the content, where it lies."""
    kept = {key: value for key, value in descriptor.items() if key not in {"annotations", "data", "urls"}}
    return {**kept, "digest": digest, "size": size}
