"""OCI image layouts, read: a directory of blobs and an index that names the images among them.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from tare.errors import HostileInputError, IntegrityError, MachineError, UsageError
from tare.oci import digest as digests
from tare.oci import manifest as manifests
from tare.oci.descriptor import Descriptor
from tare.oci.image import Blob, Image, ImageIndex
from tare.oci.manifest import MAX_DOCUMENT, Index
from tare.oci.platform import Platform
from tare.stores import assemble, files, platforms
from tare.stores.verified import VerifiedBlob, damaged, read_document

MARKER: Final = "oci-layout"
INDEX: Final = "index.json"
REFERENCE: Final = "org.opencontainers.image.ref.name"
"""The annotation that is an image's tag in a layout."""


class _Marker(msgspec.Struct, rename="camel"):
    image_layout_version: str


def tag_of(entry: Descriptor) -> str | None:
    """Return the tag that *entry* of a layout's index carries."""
    return entry.annotations.get(REFERENCE)


class LayoutSource:
    """The image under *tag* in the layout *directory*, or the only one."""

    def __init__(self, directory: Path, tag: str | None = None) -> None:
        self._directory = directory
        self._tag = tag

    @property
    def what(self) -> str:
        return f"`oci:{self._directory}{f':{self._tag}' if self._tag else ''}`"

    def read(self, platform: Platform | None = None) -> Image:
        return assemble.read_image(self, self._top(self._index().manifests, platform), platform)

    def read_all(self) -> Image | ImageIndex:
        return assemble.read_all(self, self._one(self._index().manifests))

    def document(self, descriptor: Descriptor, what: str) -> bytes:
        return read_document(self._open(descriptor, what), descriptor, what=what)

    def layer(self, descriptor: Descriptor, what: str) -> Blob:
        return VerifiedBlob(descriptor=descriptor, what=what, opener=lambda: self._open(descriptor, what))

    def _index(self) -> Index:
        self._check_marker()
        return manifests.decode(self._bounded(INDEX), Index, what=f"`{self._directory / INDEX}`")

    def _top(self, entries: tuple[Descriptor, ...], platform: Platform | None) -> Descriptor:
        """Return the entry that is meant. Some tools list one image's platforms in `index.json` itself, without tags."""
        if self._tag is None and len(entries) > 1 and all(entry.platform and not tag_of(entry) for entry in entries):
            return platforms.choose(entries, platform, what=self.what)
        return self._one(entries)

    def _one(self, entries: tuple[Descriptor, ...]) -> Descriptor:
        named = [entry for entry in entries if self._tag is None or tag_of(entry) == self._tag]
        found = list({entry.digest: entry for entry in reversed(named)}.values())[::-1]  # one image has many names
        if len(found) == 1:
            return found[0]
        tags = sorted({tag for entry in entries if (tag := tag_of(entry))})
        causes = (f"the layout has {', '.join(tags)}" if tags else "no image of the layout has a tag",)
        if found and self._tag:
            raise HostileInputError(f"{self.what} is ambiguous", causes=(f"{len(found)} entries have that tag",))
        if found:
            hints = (f"Choose one, for example `oci:{self._directory}:{tags[0]}`",) if tags else ()
            raise UsageError(f"{self.what} has {len(found)} images", causes=causes, hints=hints)
        raise UsageError(f"{self.what} does not exist", causes=causes if entries else ("the layout is empty",))

    def _check_marker(self) -> None:
        what = f"`{self._directory / MARKER}`"
        version = manifests.decode(self._bounded(MARKER), _Marker, what=what).image_layout_version
        if version != "1.0.0":
            raise IntegrityError(f"{what} is of a version that tare does not read", causes=(f"1.0.0, not {version}",))

    def _bounded(self, name: str) -> bytes:
        try:
            with files.open_regular(self._directory / name) as file:
                return file.read(MAX_DOCUMENT + 1)
        except (FileNotFoundError, NotADirectoryError):
            raise UsageError(f"`{self._directory}` is not an OCI layout", causes=(f"it has no `{name}`",)) from None
        except OSError as error:
            raise MachineError(
                f"cannot read `{self._directory / name}`", causes=(error.strerror or str(error),)
            ) from None

    def _open(self, descriptor: Descriptor, what: str) -> BinaryIO:
        path = blob_path(self._directory, descriptor.digest)
        try:
            _check_inside(self._directory, path)
            file = files.open_regular(path)
        except FileNotFoundError:
            raise IntegrityError(f"{what} is missing", causes=(f"there is no `{path}`",)) from None
        except OSError as error:
            raise MachineError(f"cannot read {what}", causes=(f"`{path}`: {error.strerror or error}",)) from None
        size = file.seek(0, 2)
        file.seek(0)
        if size != descriptor.size:
            file.close()
            raise damaged(what, descriptor, size=size)
        return file


def blob_path(directory: Path, digest: digests.Digest) -> Path:
    """Return where the blob of *digest* lies in the layout *directory*. The digest is checked first."""
    digests.parse(digest)
    return directory / "blobs" / digests.algorithm(digest) / digests.encoded(digest)


def _check_inside(directory: Path, path: Path) -> None:
    if not path.resolve().is_relative_to(directory.resolve()):
        raise HostileInputError(f"`{path}` lies outside of its layout", causes=("a symbolic link leads there",))
