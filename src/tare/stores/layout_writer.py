"""OCI image layouts, written: blobs first, the index last, each under its final name only when it is complete.

The index is the one file that changes. It is replaced by renaming after everything that it names is on the disk, so a
reader sees the images of before or of after, whenever the writer is killed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from tare.errors import HostileInputError, IntegrityError, TareError, UsageError
from tare.oci import manifest as manifests
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import algorithm
from tare.oci.image import Blob, FileBlob, Image, ImageIndex, MemoryBlob, parts
from tare.oci.manifest import MAX_DOCUMENT, Index, Manifest
from tare.stores import files
from tare.stores.layout import INDEX, MARKER, REFERENCE, blob_path, tag_of
from tare.stores.locking import exclusive
from tare.stores.verified import open_verified

_MARKER: Final = b'{"imageLayoutVersion":"1.0.0"}'
_TOGETHER: Final = 16
"""Blobs that are open at once."""


class LayoutDestination:
    """Writes images into the layout *directory* under *tags*; without any, as its one image that has none."""

    def __init__(self, directory: Path, tags: tuple[str, ...] = ()) -> None:
        self._directory = directory
        self._tags = tags

    def check(self) -> None:
        """Refuse a place that no layout can be in, before an image is made for it."""
        try:
            if self._directory.exists():
                self._check_place()
        except OSError as error:
            raise files.cannot_write(f"`{self._directory}`", error) from None

    def write(self, image: Image | ImageIndex) -> Descriptor:
        blobs = tuple(blobs_of(image))
        try:
            if not self._is_there(image, blobs):
                self._write(image, blobs)
        except OSError as error:
            raise files.cannot_write(f"`{self._directory}`", error) from None
        return image.descriptor

    def _is_there(self, image: Image | ImageIndex, blobs: tuple[Blob, ...]) -> bool:
        """Return whether nothing is to be done, judged by names and sizes: what the index names was complete once."""
        entries = _Entries.read(self._directory)
        wanted = {self._entry(image, tag) for tag in self._tags or (None,)}
        return wanted <= set(entries.raw) and all(
            _size(self._directory, blob) == blob.descriptor.size for blob in blobs
        )

    def _write(self, image: Image | ImageIndex, blobs: tuple[Blob, ...]) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._check_place()
        with exclusive(self._directory / MARKER):
            self._prepare(blobs)
            entries = _Entries.read(self._directory)
            trusted = entries.named(self._directory)
            _write_blobs(self._directory, [blob for blob in blobs if not _usable(self._directory, blob, trusted)])
            for tag in self._tags or (None,):
                entries = entries.with_entry(tag, self._entry(image, tag))
            files.write_atomically(self._directory / INDEX, entries.encode())

    def _check_place(self) -> None:
        """Refuse a directory that has something else in it: a project, or a home, is easily named by mistake."""
        names = sorted(entry.name for entry in os.scandir(self._directory))
        if MARKER in names or INDEX in names:
            return
        ours = ("blobs", ".gitignore")
        others = [
            name for name in names if name not in ours and not name.startswith(files.TEMPORARY) and not _released(name)
        ]
        if others:
            raise UsageError(
                f"`{self._directory}` is not empty, and no image layout",
                causes=(f"it has no `{MARKER}`, and has `{others[0]}`",),
                hints=("Name a directory that is empty, or not there yet",),
            )

    def _prepare(self, blobs: tuple[Blob, ...]) -> None:
        marker = self._directory / MARKER
        if not marker.stat().st_size:  # In place, not by renaming: the file is what writers lock.
            marker.write_bytes(_MARKER)
        files.remove_abandoned(self._directory)
        for kind in sorted({algorithm(blob.descriptor.digest) for blob in blobs}):
            directory = self._directory / "blobs" / kind
            directory.mkdir(parents=True, exist_ok=True)
            if directory.resolve() != (self._directory.resolve() / "blobs" / kind):
                raise HostileInputError(
                    f"`{directory}` lies outside of its layout", causes=("a symbolic link leads there",)
                )
            files.remove_abandoned(directory)

    def _entry(self, image: Image | ImageIndex, tag: str | None) -> bytes:
        annotations = {REFERENCE: tag} if tag else {}
        return manifests.encode(msgspec.structs.replace(image.descriptor, annotations=annotations))


class _Entries(msgspec.Struct, frozen=True, kw_only=True):
    """An `index.json`, of which everything that this writer does not change is kept as it was."""

    fields: dict[str, msgspec.Raw]
    raw: tuple[bytes, ...]
    """The entries of `manifests`."""

    @classmethod
    def read(cls, directory: Path) -> _Entries:
        try:
            with files.open_regular(directory / INDEX) as file:
                text = file.read(MAX_DOCUMENT + 1)
        except FileNotFoundError:
            return cls(fields={"schemaVersion": msgspec.Raw(b"2")}, raw=())
        what = f"`{directory / INDEX}`"
        manifests.decode(text, Index, what=what)
        fields = manifests.decode(text, dict[str, msgspec.Raw], what=what)
        entries = manifests.decode(bytes(fields.pop("manifests")), list[msgspec.Raw], what=what)
        return cls(fields=fields, raw=tuple(map(bytes, entries)))

    def with_entry(self, tag: str | None, entry: bytes) -> _Entries:
        """Return the entries with *entry* in the place of what had its tag, or at the end."""
        decoded = [msgspec.json.decode(raw, type=Descriptor) for raw in self.raw]
        kept = [raw for raw, descriptor in zip(self.raw, decoded, strict=True) if tag_of(descriptor) != tag]
        return _Entries(fields=self.fields, raw=(*kept, entry))

    def encode(self) -> bytes:
        fields = {
            **self.fields,
            "mediaType": msgspec.Raw(msgspec.json.encode(media_types.INDEX)),
            "manifests": msgspec.Raw(b"[" + b",".join(self.raw) + b"]"),
        }
        return msgspec.json.encode(fields, order="sorted")

    def named(self, directory: Path) -> frozenset[str]:
        """Return the digests of everything that the entries lead to.

        These blobs were complete when the index was written, so their presence and size are enough. Others, which an
        unknown tool or a killed one may have left, are hashed before they are believed.
        """
        found: set[str] = set()
        left = [msgspec.json.decode(raw, type=Descriptor) for raw in self.raw]
        while left:
            descriptor = left.pop()
            if descriptor.digest in found or descriptor.media_type not in media_types.INDEXES | media_types.MANIFESTS:
                found.add(descriptor.digest)
                continue
            found.add(descriptor.digest)
            with contextlib.suppress(OSError, TareError):
                raw = blob_path(directory, descriptor.digest).read_bytes()
                document = manifests.parse(raw, what=descriptor.digest)
                below = (document.config, *document.layers) if isinstance(document, Manifest) else document.manifests
                left += below
        return frozenset(found)


def blobs_of(image: Image | ImageIndex) -> Iterator[Blob]:
    """Yield every blob of *image* once, manifests after what they name."""
    seen: set[str] = set()
    for blob in _all_blobs(image):
        if blob.descriptor.digest not in seen:
            seen.add(blob.descriptor.digest)
            yield blob


def _all_blobs(image: Image | ImageIndex) -> Iterator[Blob]:
    for part in parts(image):
        if not isinstance(part, ImageIndex):
            yield from part.blobs
        yield MemoryBlob(descriptor=part.descriptor, data=part.raw)


def _released(name: str) -> bool:
    """Return whether it is what build front ends leave in `dist`, where an image may lie beside it."""
    return name.endswith((".whl", ".tar.gz"))


def _size(directory: Path, blob: Blob) -> int | None:
    try:
        return blob_path(directory, blob.descriptor.digest).stat(follow_symlinks=False).st_size
    except OSError:
        return None


def _usable(directory: Path, blob: Blob, trusted: frozenset[str]) -> bool:
    """Return whether the blob lies in the layout already, sound."""
    if _size(directory, blob) != blob.descriptor.size:
        return False
    if blob.descriptor.digest in trusted:
        return True
    there = FileBlob(descriptor=blob.descriptor, path=blob_path(directory, blob.descriptor.digest))
    try:
        with open_verified(there) as reader:
            while reader.read(files.CHUNK):
                pass
    except (IntegrityError, OSError):
        return False
    return True


def _write_blobs(directory: Path, blobs: list[Blob]) -> None:
    for start in range(0, len(blobs), _TOGETHER):
        _write_some(directory, blobs[start : start + _TOGETHER])


def _write_some(directory: Path, blobs: list[Blob]) -> None:
    """Write all, then flush all, then name all: the disk works while the next one is copied."""
    with contextlib.ExitStack() as stack:
        written = []
        for blob in blobs:
            path = blob_path(directory, blob.descriptor.digest)
            name, file = stack.enter_context(files.temporary(path.parent))
            copy_blob(blob, file)
            written.append((name, file, path))
        for name, file, path in written:
            files.flush(file)
            file.close()
            name.replace(path)
        for parent in {path.parent for _, _, path in written}:
            files.sync_directory(parent)


def copy_blob(blob: Blob, target: BinaryIO) -> None:
    """Write *blob* to *target*, checked: disks forget, and a cache is a disk."""
    with open_verified(blob) as reader:
        while data := reader.read(files.CHUNK):
            target.write(data)
