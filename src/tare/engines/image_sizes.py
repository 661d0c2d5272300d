"""The sizes of an image that lies in an archive, as `docs/design.md` defines them."""

from __future__ import annotations

from typing import BinaryIO, Final

from tare.engines.building import EngineSizes
from tare.oci.compression import Deflater, open_decompressed, sniff
from tare.oci.image import Blob, Image
from tare.oci.tar import TarReader

_PIECE: Final = 1024 * 1024
_GZIP: Final = 18
"""Bytes of a gzip member around its deflate stream."""

_OPAQUE: Final = ".wh..wh..opq"
_WHITEOUT: Final = ".wh."


def image_sizes(image: Image, shown: int) -> EngineSizes:
    """Return the sizes of *image*, of which its engine says that it has *shown* bytes."""
    pull = unpacked = 0
    merged: dict[str, int] = {}
    for layer in image.layers:
        compression = _compression(layer)
        pull += layer.descriptor.size if compression != "none" else _compressed(layer)
        with layer.open() as stream:
            unpacked += _apply(open_decompressed(stream, compression, what="a layer"), merged)
    rootfs = sum(merged.values())
    return EngineSizes(pull=pull, unpacked=unpacked, rootfs=rootfs, waste=unpacked - rootfs, shown=shown)


def _compression(layer: Blob) -> str:
    with layer.open() as stream:
        return sniff(stream.read(8))


def _compressed(layer: Blob) -> int:
    """Return how large a layer is that an engine stores unpacked, once it is compressed for a registry."""
    coder, size = Deflater(), _GZIP
    with layer.open() as stream:
        while piece := stream.read(_PIECE):
            size += len(coder.compress(piece))
    return size + len(coder.flush())


def _apply(stream: BinaryIO, merged: dict[str, int]) -> int:
    """Put a layer on top of *merged*, sizes of files by path, and return the bytes of its own files."""
    total = 0
    own: set[str] = set()
    for entry in TarReader(stream, what="a layer"):
        parent, _, name = entry.path.rpartition("/")
        if name == _OPAQUE:
            _remove(merged, f"{parent}/" if parent else "", own)
        elif name.startswith(_WHITEOUT):
            hidden = f"{parent}/{name.removeprefix(_WHITEOUT)}".lstrip("/")
            _remove(merged, f"{hidden}/", own)
            merged.pop(hidden, None)
        elif entry.kind == "file":
            total += entry.size
            merged[entry.path] = entry.size
            own.add(entry.path)
        elif entry.kind != "directory":
            # A link or a device takes the place of a file. (A hard link has no bytes of its own.)
            merged[entry.path] = 0
            own.add(entry.path)
    return total


def _remove(merged: dict[str, int], prefix: str, own: set[str]) -> None:
    for path in [path for path in merged if path.startswith(prefix) and path not in own]:
        del merged[path]
