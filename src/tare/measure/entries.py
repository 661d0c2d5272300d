"""Two trees, entry by entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tare.measure.contents import Contents
from tare.measure.files import Attributes, File


class Found(NamedTuple):
    """What is at a path."""

    file: File | None
    target: str | None
    attributes: Attributes | None
    """None for a directory that no layer has an entry for."""

    @property
    def type(self) -> str:
        """What it is; names that are links to one file are files."""
        if self.file is not None:
            return "file"
        if self.target is not None:
            return "symlink"
        return "directory" if self.attributes is None else self.attributes.kind

    @property
    def size(self) -> int:
        return 0 if self.file is None else self.file.size


def entries(contents: Contents) -> dict[str, Found]:
    """Return every entry of the tree, by its path from the root."""
    return {path[1:]: Found(node.clue, node.target, node.attributes) for path, node in contents.tree.walk()}


def changes(before: Found, after: Found, *, semantic: bool) -> tuple[str, ...]:
    """Return in what two entries of one path differ. With *semantic* times are passed over."""
    if before.type != after.type:
        return ("type",)
    return tuple(_changes(before, after, semantic=semantic))


def _changes(before: Found, after: Found, *, semantic: bool) -> Iterator[str]:
    if _content(before) != _content(after):
        yield "content"
    if before.target != after.target:
        yield "target"
    old, new = before.attributes, after.attributes
    if old is None or new is None:
        return
    if before.target is None and old.mode != new.mode:  # A link's mode means nothing.
        yield "mode"
    if (old.uid, old.gid) != (new.uid, new.gid):
        yield "owner"
    if old.xattrs != new.xattrs:
        yield "attributes"
    if old.device != new.device:
        yield "device"
    if old.mtime != new.mtime and not semantic:
        yield "time"


def _content(found: Found) -> tuple[int, bytes]:
    return (0, b"") if found.file is None else (found.file.size, found.file.digest)
