"""The files of an image: one value for each that a layer brings, shared by all names that are links to it."""

from __future__ import annotations

from typing import NamedTuple

from tare.oci.tar import Entry


class Attributes(NamedTuple):
    """What an entry has beside its content."""

    kind: str
    mode: int
    uid: int
    gid: int
    mtime: int
    """Seconds since 1970."""

    xattrs: tuple[tuple[str, str], ...]
    device: tuple[int, int]


class File:
    """A file that a layer brings. Not a frozen value, since there are hundreds of thousands."""

    __slots__ = ("debug", "digest", "kept", "layer", "path", "size")

    def __init__(self, path: str, layer: int, size: int) -> None:
        self.path = path
        """From the image's root, without a leading slash, as the layer spells it."""
        self.layer = layer
        """The layer's number, from 0."""
        self.size = size
        self.digest = b""
        """SHA-256 of its content; empty for an empty file."""
        self.debug = 0
        """Bytes of its sections that only debuggers and linkers read."""
        self.kept: bytes | None = None
        """Its content, or the beginning of it, where that is looked at afterwards."""


class Describe:
    """Makes the attributes of entries. Equal ones are one object: most files of a layer have the same."""

    def __init__(self) -> None:
        self._known: dict[Attributes, Attributes] = {}

    def __call__(self, entry: Entry) -> Attributes:
        attributes = Attributes(
            entry.kind,
            entry.mode,
            entry.uid,
            entry.gid,
            entry.mtime,
            tuple(sorted(entry.xattrs.items())) if entry.xattrs else (),
            entry.device,
        )
        return self._known.setdefault(attributes, attributes)
