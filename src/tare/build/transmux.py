"""Wheels become layers without being compressed again.

A file in a wheel is a raw deflate stream with its CRC-32 and size beside it; a gzip member is ten bytes, a raw deflate
stream, CRC-32 and size. So the stream is moved from one frame into the other ("transmuxed"), and inflated only to check
it against RECORD and to hash the layer's uncompressed bytes. `docs/transmux.md` has the figures and the consumers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO, Final

from tare.errors import MachineError
from tare.oci.changeset import LayerWriter
from tare.oci.compression import stored
from tare.oci.digest import Digest
from tare.oci.layer import WrittenLayer
from tare.plan.plan import HostFile, Link, PlannedFile, PlannedLayer
from tare.threads import Lane
from tare.wheels.methods import DEFLATED, STORED
from tare.wheels.scheme import InstalledFile, Shortened

if TYPE_CHECKING:
    from tare.wheels.wheel import Wheel  # a layer of sources alone has none

_CHUNK: Final = 1024 * 1024
_AT_ONCE: Final = 128 * 1024
"""Bytes of a file that is looked at once, as a whole."""


def begin_layer(
    layer: PlannedLayer,
    wheels: Mapping[Digest, Wheel],
    out: BinaryIO,
    *,
    mtime: int,
    single_member: bool = False,
    recoded: frozenset[Digest] = frozenset(),
    lane: Lane | None = None,
) -> Callable[[], WrittenLayer]:
    """Write *layer* to *out*, and return what waits until *lane* has hashed it all and says what the layer is.

    A file that is not what its wheel's RECORD says raises, and *out* is worth nothing.
    """
    writer = LayerWriter(out, mtime=mtime, lane=lane)
    ground = layer.ground
    for path in layer.all_directories():
        directory = ground.directory(path)
        writer.add(path, kind="directory", mode=directory.mode, uid=directory.uid, gid=directory.gid)
    for segment in layer.segments:
        wheel = wheels[segment.wheel]
        again = single_member or segment.wheel in recoded
        for file in segment.files:
            _write_installed(writer, wheel, file, ground.place(file.path), again=again)
    for planned in layer.files:
        _write_planned(writer, planned, ground.place(planned.path))
    return writer.end()


def _write_installed(writer: LayerWriter, wheel: Wheel, file: InstalledFile, path: str, *, again: bool) -> None:
    member = file.source
    if isinstance(member, bytes):
        writer.add(path, mode=file.mode, data=member)
    elif isinstance(member, Shortened):
        writer.add_stream(path, mode=file.mode, size=file.size, chunks=member.content(wheel.content(member.member)))
    elif again or member.size == 0:
        writer.add_stream(path, mode=file.mode, size=file.size, chunks=wheel.content(member))
    elif member.method == DEFLATED and member.size <= _AT_ONCE:
        whole, content = wheel.whole(member)
        writer.add_deflated(path, mode=file.mode, size=file.size, crc=member.crc, raw=(whole,), inflated=content)
    else:
        raw = (
            stored(wheel.archive.inflate(member), member.size) if member.method == STORED else wheel.archive.raw(member)
        )
        writer.add_deflated(
            path, mode=file.mode, size=file.size, crc=member.crc, raw=raw, inflated=wheel.content(member)
        )


def _write_planned(writer: LayerWriter, file: PlannedFile, path: str) -> None:
    source = file.source
    if isinstance(source, Link):
        writer.add(path, kind="symlink", mode=0o777, target=source.target)
    elif isinstance(source, HostFile):
        writer.add_stream(path, mode=file.mode, size=file.size, chunks=_unchanged(source, file.size))
    else:
        writer.add(path, mode=file.mode, data=source)


def _unchanged(source: HostFile, size: int) -> Iterator[bytes]:
    """Yield a project file's content, which must still be what the plan saw."""
    hasher = hashlib.sha256()
    left = size
    try:
        with open(source.path, "rb") as file:  # 7 ms of start-up for one call
            while data := file.read(min(left, _CHUNK)):
                hasher.update(data)
                left -= len(data)
                yield data
            longer = file.read(1)
    except OSError as error:
        raise MachineError(f"cannot read `{source.path}`", causes=(error.strerror or str(error),)) from error
    if left or longer or "sha256:" + hasher.hexdigest() != source.digest:
        raise MachineError(f"`{source.path}` changed while it was being built", hints=("Run the command again",))
