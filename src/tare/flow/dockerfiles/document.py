"""A file that is written beside a project: as it is, and as it would be."""

from __future__ import annotations

import os

import msgspec

from tare.projects import files


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is written."""

    path: str
    """Relative to the build's context."""

    old: str | None
    """What it has now; None when it is not there."""

    new: str
    mode: int = 0o644

    @property
    def changed(self) -> bool:
        return self.old != self.new


def read_if_there(root: str, path: str) -> str | None:
    """Return the text of *path* below *root*; None when it is not there."""
    full = os.path.join(root, path)
    return files.text(full) if os.path.isfile(full) else None
