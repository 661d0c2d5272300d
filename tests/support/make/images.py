"""Small images, made of entries."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tare.oci import media_types
from tare.oci.changeset import LayerWriter
from tare.oci.config import ImageConfig, RootFS, RunConfig
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, sha256
from tare.oci.image import Blob, FileBlob, Image, MemoryBlob, make_image
from tare.oci.tar_header import Kind

MTIME = 315532800
"""1980-01-01."""


class Entry:
    """An entry of a layer, as it is written."""

    def __init__(
        self, path: str, data: bytes = b"", *, kind: Kind = "file", mode: int | None = None, target: str = ""
    ) -> None:
        self.path = path
        self.data = data
        self.kind = kind
        self.mode = mode if mode is not None else (0o755 if kind == "directory" else 0o644)
        self.target = target


def directory(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, kind="directory", mode=mode)


def symlink(path: str, target: str) -> Entry:
    return Entry(path, kind="symlink", mode=0o777, target=target)


def hardlink(path: str, target: str) -> Entry:
    return Entry(path, kind="hardlink", target=target)


def layer(entries: Iterable[Entry]) -> tuple[Blob, Digest]:
    """Return a layer whose files are members of their own, as tare writes them, and its diff ID."""
    out = io.BytesIO()
    writer = LayerWriter(out, mtime=MTIME)
    for entry in entries:
        if entry.kind == "file" and entry.data:
            coder = zlib.compressobj(6, zlib.DEFLATED, -15)
            raw = coder.compress(entry.data) + coder.flush()
            writer.add_deflated(
                entry.path,
                mode=entry.mode,
                size=len(entry.data),
                crc=zlib.crc32(entry.data),
                raw=[raw],
                inflated=[entry.data],
            )
        else:
            writer.add(entry.path, kind=entry.kind, mode=entry.mode, data=entry.data, target=entry.target)
    written = writer.close()
    return MemoryBlob(descriptor=written.descriptor, data=out.getvalue()), written.diff_id


def raw_layer(tar: bytes, *, compressed: bool = True) -> tuple[Blob, Digest]:
    """Return a layer of a tar that something else wrote, and its diff ID."""
    data = gzip.compress(tar, mtime=0) if compressed else tar
    kind = media_types.LAYER_GZIP if compressed else media_types.LAYER
    return MemoryBlob(descriptor=Descriptor(media_type=kind, digest=sha256(data), size=len(data)), data=data), sha256(
        tar
    )


def image(*layers: tuple[Blob, Digest], architecture: str = "amd64", **config: Any) -> Image:  # RunConfig's own
    return make_image(
        ImageConfig(
            architecture=architecture,
            os="linux",
            created="1980-01-01T00:00:00Z",
            rootfs=RootFS(type="layers", diff_ids=tuple(diff_id for _, diff_id in layers)),
            config=RunConfig(**config),
        ),
        tuple(blob for blob, _ in layers),
        {},
    )


def small(text: str = "hello", **config: Any) -> Image:  # RunConfig's own
    """Return an image of two layers whose digest depends on *text*."""
    below = layer([directory("etc"), Entry("etc/os-release", b"ID=test\n")])
    return image(below, layer([directory("app"), Entry("app/message", text.encode())]), **config)


def in_files(value: Image, place: Path) -> Image:
    """Return the image with its layers in files, as they come from the cache."""
    layers = []
    for blob in value.layers:
        path = place / blob.descriptor.digest.partition(":")[2]
        path.write_bytes(content(blob))
        layers.append(FileBlob(descriptor=blob.descriptor, path=path))
    return Image(
        raw=value.raw,
        manifest=value.manifest,
        raw_config=value.raw_config,
        config=value.config,
        layers=tuple(layers),
    )


def content(blob: Blob) -> bytes:
    with blob.open() as stream:
        return stream.read()


MemberOfTar = tuple[tarfile.TarInfo, bytes]


def tar_of(*members: MemberOfTar) -> bytes:
    """Return an archive of members that `tarfile` writes, which it does without questions."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def member(name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, **fields: object) -> MemberOfTar:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def snapshot(place: Path) -> dict[str, tuple[object, ...]]:
    """Return all that is below *place*: by path, what it is, its mode, times and content. Nothing is followed."""
    found: dict[str, tuple[object, ...]] = {}
    for parent, directories, files in os.walk(place):
        for name in (*directories, *files):
            path = Path(parent, name)
            stat = path.lstat()
            what = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            found[str(path.relative_to(place))] = (
                oct(stat.st_mode),
                stat.st_uid,
                stat.st_nlink,
                stat.st_mtime_ns,
                what,
            )
    return found
