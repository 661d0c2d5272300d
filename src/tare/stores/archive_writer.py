"""Archives that `docker load`, `podman load` and skopeo read, written.

One file is both what `docker save` wrote for ten years (`manifest.json`) and what it writes since Docker 25 (an OCI
layout in a tar), over the same blobs. Old engines read the first, and new ones the second, which keeps the manifest's
digest. Layers stand in it as they are, compressed: `docs/transmux.md` has who was seen to read them.

The bytes depend on the image, the tags and the time alone, and their number is known before the first is written.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from tare.errors import UsageError
from tare.oci import manifest as manifests
from tare.oci import media_types, tar_header
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, algorithm, encoded
from tare.oci.image import Blob, Image, ImageIndex, parts
from tare.oci.manifest import Index
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores import files, platforms
from tare.stores.layout import INDEX, MARKER, REFERENCE
from tare.stores.layout_writer import blobs_of
from tare.stores.verified import open_verified

MANIFEST: Final = "manifest.json"
CONTAINERD_NAME: Final = "io.containerd.image.name"
"""The annotation from which containerd and podman take an image's full name."""


class ManifestItem(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One image in the `manifest.json` of an archive."""

    config: str
    """The path of the config in the archive."""

    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...]


class ArchiveWriter:
    """An archive of *image* named by *references*. Every time of it is *mtime* (seconds since 1970).

    Of an index, `manifest.json` names the image for *platform*, since it can name only one; the index has them all.
    The layers in *omitted* are named and left out: see `daemon`.
    """

    def __init__(
        self,
        image: Image | ImageIndex,
        references: tuple[Reference, ...],
        *,
        mtime: int,
        platform: Platform | None = None,
        omitted: frozenset[Digest] = frozenset(),
    ) -> None:
        self._mtime = mtime
        blobs = [blob for blob in blobs_of(image) if blob.descriptor.digest not in omitted]
        self._blobs = sorted(blobs, key=lambda blob: _path(blob.descriptor))
        self._documents = {
            INDEX: _index(image, references),
            MANIFEST: _manifest(_choose(image, platform), references),
            MARKER: b'{"imageLayoutVersion":"1.0.0"}',
        }

    @property
    def size(self) -> int:
        """The number of bytes that are going to be written."""
        headers = sum(len(header) for header in self._directories())
        sizes = [(name, len(data)) for name, data in self._documents.items()]
        sizes += [(_path(blob.descriptor), blob.descriptor.size) for blob in self._blobs]
        return (
            headers + sum(len(self._header(n, s)) + s + tar_header.padding(s) for n, s in sizes) + len(tar_header.END)
        )

    def write(self, out: BinaryIO) -> None:
        """Write the archive to *out*, which need not be a file."""
        for part in self._parts():
            out.writelines((part,) if isinstance(part, bytes) else _chunks(part))

    def chunks(self) -> Iterator[bytes]:
        """Yield the archive in pieces."""
        for part in self._parts():
            if isinstance(part, bytes):
                yield part
            else:
                yield from _chunks(part)

    def _parts(self) -> Iterator[bytes | Blob]:
        # Documents first: a reader of a stream then knows what the blobs are while they come.
        for name, data in sorted(self._documents.items()):
            yield self._header(name, len(data)) + data + bytes(tar_header.padding(len(data)))
        yield from self._directories()
        for blob in self._blobs:
            yield self._header(_path(blob.descriptor), blob.descriptor.size)
            yield blob
            yield bytes(tar_header.padding(blob.descriptor.size))
        yield tar_header.END

    def _directories(self) -> Iterator[bytes]:
        kinds = sorted({algorithm(blob.descriptor.digest) for blob in self._blobs})
        for name in ("blobs", *(f"blobs/{kind}" for kind in kinds)):
            yield tar_header.header(name, kind="directory", mode=0o755, mtime=self._mtime)

    def _header(self, name: str, size: int) -> bytes:
        return tar_header.header(name, mode=0o644, size=size, mtime=self._mtime)


class ArchiveDestination:
    """Writes an archive to *file*, which appears when it is complete."""

    def __init__(self, file: Path, references: tuple[Reference, ...] = (), *, mtime: int) -> None:
        self._file = file
        self._references = references
        self._mtime = mtime

    def check(self) -> None:
        """Refuse a place that no archive can be at, before an image is made for it."""
        if self._file.is_dir():
            raise files.cannot_write(f"`{self._file}`", IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))

    def write(self, image: Image | ImageIndex) -> Descriptor:
        writer = ArchiveWriter(image, self._references, mtime=self._mtime)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with files.temporary(self._file.parent) as (name, out):
                writer.write(out)
                files.flush(out)
                out.close()
                name.replace(self._file)
            files.sync_directory(self._file.parent)
        except OSError as error:
            raise files.cannot_write(f"`{self._file}`", error) from None
        return image.descriptor


class StreamDestination:
    """Writes an archive to an open stream, such as standard output."""

    def __init__(self, out: BinaryIO, references: tuple[Reference, ...] = (), *, mtime: int) -> None:
        self._out = out
        self._references = references
        self._mtime = mtime

    def write(self, image: Image | ImageIndex) -> Descriptor:
        try:
            ArchiveWriter(image, self._references, mtime=self._mtime).write(self._out)
            self._out.flush()
        except OSError as error:
            raise files.cannot_write("the output", error) from None
        return image.descriptor


def _path(descriptor: Descriptor) -> str:
    return f"blobs/{algorithm(descriptor.digest)}/{encoded(descriptor.digest)}"


def _choose(image: Image | ImageIndex, platform: Platform | None) -> Image:
    images = [part for part in parts(image) if isinstance(part, Image)]
    if not images:
        raise UsageError("cannot write an archive without an image", causes=(f"{image.digest} has none",))
    wanted = platform or platforms.host()
    return next((one for one in images if one.platform.normalized() == wanted), images[0])


def _index(image: Image | ImageIndex, references: tuple[Reference, ...]) -> bytes:
    entries = tuple(
        msgspec.structs.replace(
            image.descriptor, annotations={CONTAINERD_NAME: _full(name), REFERENCE: name.tag_or_latest}
        )
        for name in references
    )
    return manifests.encode(
        Index(schema_version=2, media_type=media_types.INDEX, manifests=entries or (image.descriptor,))
    )


def _full(name: Reference) -> str:
    return f"{name.registry}/{name.repository}:{name.tag_or_latest}"


def _manifest(image: Image, references: tuple[Reference, ...]) -> bytes:
    item = ManifestItem(
        config=_path(image.manifest.config),
        repo_tags=tuple(f"{name.familiar.partition('@')[0]}{'' if name.tag else ':latest'}" for name in references),
        layers=tuple(_path(layer.descriptor) for layer in image.layers),
    )
    return msgspec.json.encode([item], order="sorted")


def _is_file(out: BinaryIO) -> bool:
    return hasattr(out, "fileno") and out.seekable()


def _chunks(blob: Blob) -> Iterator[bytes]:
    with open_verified(blob) as reader:
        while data := reader.read(files.CHUNK):
            yield data
