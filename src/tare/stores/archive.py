"""Archives of `docker save` and its like, read, in both of their forms: see `archive_writer`.

An archive may have gigabytes: its members are indexed by where they lie, and read from there. One that is compressed as
a whole, or comes through a pipe, is first unpacked into an unnamed temporary file.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from tare.errors import HostileInputError, IntegrityError, UsageError
from tare.oci import compression, media_types
from tare.oci import manifest as manifests
from tare.oci import reference as references
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, algorithm, encoded, sha256
from tare.oci.image import Blob, Image, ImageIndex
from tare.oci.manifest import MAX_DOCUMENT, Index, Manifest
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores import assemble, platforms
from tare.stores.archive_writer import CONTAINERD_NAME, MANIFEST, ManifestItem
from tare.stores.layout import INDEX, MARKER, REFERENCE
from tare.stores.members import Members
from tare.stores.verified import VerifiedBlob, damaged, read_document

Found = TypeVar("Found")

_MEDIA_TYPE = {"none": media_types.LAYER, "gzip": media_types.LAYER_GZIP, "zstd": media_types.LAYER_ZSTD}


class ArchiveSource:
    """The image named *reference* in the archive *file*, or its only one.

    *file* may also be an open stream. *scratch* is where a compressed archive is unpacked; the system's temporary
    directory by default.
    """

    def __init__(
        self, file: Path | BinaryIO, reference: Reference | None = None, *, scratch: Path | None = None
    ) -> None:
        self._file = file
        self._reference = reference
        self._scratch = scratch
        self._opened: Members | None = None

    @property
    def what(self) -> str:
        name = self._file if isinstance(self._file, Path) else "-"
        return f"`docker-archive:{name}{f':{self._reference.familiar}' if self._reference else ''}`"

    def read(self, platform: Platform | None = None) -> Image:
        if self._is_layout():
            return assemble.read_image(self, self._from_index(), platform)
        image = self._from_manifest()
        platforms.check(image.platform, platform, what=self.what)
        return image

    def read_all(self) -> Image | ImageIndex:
        return assemble.read_all(self, self._from_index()) if self._is_layout() else self._from_manifest()

    def document(self, descriptor: Descriptor, what: str) -> bytes:
        stream = self._members().open(_blob_path(descriptor), descriptor.size, what=what)
        return read_document(stream, descriptor, what=what)

    def layer(self, descriptor: Descriptor, what: str) -> Blob:
        return self._layer(_blob_path(descriptor), descriptor, what)

    def _members(self) -> Members:
        if self._opened is None:
            self._opened = Members(self._file, what=self.what, scratch=self._scratch)
        return self._opened

    def _is_layout(self) -> bool:
        return INDEX in self._members() and MARKER in self._members()

    def _layer(self, path: str, descriptor: Descriptor, what: str) -> Blob:
        members = self._members()
        if members.size(path, what=what) != descriptor.size:
            raise damaged(what, descriptor, size=members.size(path, what=what))
        return VerifiedBlob(
            descriptor=descriptor, what=what, opener=lambda: members.open(path, descriptor.size, what=what)
        )

    def _from_index(self) -> Descriptor:
        """Return the entry of `index.json` that is meant. Entries that name the same manifest are one image."""
        raw = self._members().bounded(INDEX, MAX_DOCUMENT)
        entries = manifests.decode(raw, Index, what=f"`{INDEX}` of {self.what}").manifests
        found = {
            entry.digest: entry for entry in entries if platforms.is_image(entry) and self._is_meant(_names(entry))
        }
        return self._one(list(found.values()), [name for entry in entries for name in _names(entry)[:1]])

    def _from_manifest(self) -> Image:
        raw = self._members().bounded(MANIFEST, MAX_DOCUMENT)
        items = manifests.decode(raw, tuple[ManifestItem, ...], what=f"`{MANIFEST}` of {self.what}")
        found = [item for item in items if self._is_meant(item.repo_tags or ())]
        return self._image(self._one(found, [tag for item in items for tag in item.repo_tags or ()]))

    def _is_meant(self, names: Sequence[str]) -> bool:
        return self._reference is None or any(_is_same(name, self._reference) for name in names)

    def _one(self, found: Sequence[Found], names: Sequence[str]) -> Found:
        if len(found) == 1:
            return found[0]
        causes = (f"the archive has {', '.join(sorted(names))}" if names else "no image of the archive has a name",)
        if not found:
            raise UsageError(f"{self.what} does not exist", causes=causes)
        if self._reference:
            raise HostileInputError(f"{self.what} is ambiguous", causes=(f"{len(found)} images have that name",))
        hints = (f"Choose one, for example `docker-archive:{self._file}:{min(names)}`",) if names else ()
        raise UsageError(f"{self.what} has {len(found)} images", causes=causes, hints=hints)

    def _image(self, item: ManifestItem) -> Image:
        """Return the image of an entry of `manifest.json`, which has no manifest of the specification: it gets one."""
        what = f"the config of {self.what}"
        raw_config = self._members().bounded(item.config, MAX_DOCUMENT)
        config = manifests.parse_config(raw_config, what=what)
        _check_name(item.config, sha256(raw_config), what)
        if len(config.rootfs.diff_ids) != len(item.layers):
            raise HostileInputError(
                f"{self.what} contradicts itself",
                causes=(f"`{MANIFEST}` has {len(item.layers)} layers, the config {len(config.rootfs.diff_ids)}",),
            )
        layers = tuple(
            self._layer_at(path, diff_id, f"layer {number} of {self.what}")
            for number, (path, diff_id) in enumerate(zip(item.layers, config.rootfs.diff_ids, strict=True), 1)
        )
        manifest = Manifest(
            schema_version=2,
            media_type=media_types.MANIFEST,
            config=Descriptor(media_type=media_types.CONFIG, digest=sha256(raw_config), size=len(raw_config)),
            layers=tuple(layer.descriptor for layer in layers),
        )
        return Image(
            raw=manifests.encode(manifest), manifest=manifest, raw_config=raw_config, config=config, layers=layers
        )

    def _layer_at(self, path: str, diff_id: Digest, what: str) -> Blob:
        """Return the layer at *path*. A tar's digest is the diff ID; a compressed one has to be hashed to have one."""
        size = self._members().size(path, what=what)
        with self._members().open(path, size, what=what) as stream:
            kind = compression.sniff(stream.read(4))
        digest = diff_id if kind == "none" else self._hash(path, size, what)
        return self._layer(path, Descriptor(media_type=_MEDIA_TYPE[kind], digest=digest, size=size), what)

    def _hash(self, path: str, size: int, what: str) -> Digest:
        with self._members().open(path, size, what=what) as stream:
            return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def _blob_path(descriptor: Descriptor) -> str:
    return f"blobs/{algorithm(descriptor.digest)}/{encoded(descriptor.digest)}"


def _names(entry: Descriptor) -> tuple[str, ...]:
    """Return what an entry of `index.json` is called: Docker and containerd write a full name, podman only the second."""
    name = entry.annotations.get(CONTAINERD_NAME) or entry.annotations.get(REFERENCE)
    return (name,) if name else ()


def _is_same(name: str, wanted: Reference) -> bool:
    try:
        found = references.parse(name)
    except (UsageError, IntegrityError):
        return False
    return (found.registry, found.repository, found.tag_or_latest) == (
        wanted.registry,
        wanted.repository,
        wanted.tag_or_latest,
    )


def _check_name(path: str, digest: Digest, what: str) -> None:
    """Docker names a config by its digest. Where a name looks like one, it must be the right one."""
    name = posixpath.basename(path).removesuffix(".json")
    if len(name) == 64 and not name.strip("0123456789abcdef") and name != encoded(digest):
        raise IntegrityError(f"{what} is damaged", causes=(f"expected sha256:{name}, found {digest}",))
