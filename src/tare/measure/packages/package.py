"""Packages of all ecosystems, and how their records name files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from tare.bases.tree import Tree
    from tare.measure.contents import Live

Ecosystem = Literal["python", "deb", "apk", "rpm", "interpreter"]
"""`interpreter` is a CPython that no package manager brought: its own standard library and programs."""


class Package(NamedTuple):
    """An installed distribution."""

    ecosystem: Ecosystem
    name: str
    version: str
    """Empty if it is not known."""


class Paths:
    """The files of a root by any name that records have for them: `/lib/x` where `/lib` is a link to `/usr/lib`."""

    def __init__(self, tree: Tree, live: Iterable[Live]) -> None:
        self._tree = tree
        self.by_path = {item.path: item for item in live}
        self._real: dict[str, str | None] = {}

    def find(self, path: str) -> str | None:
        """Return the real path of the file *path*, absolute or from the root, or None if there is none."""
        path = posixpath.normpath(path).lstrip("/")
        if path in self.by_path:
            return path
        if path.startswith("../"):
            return None
        directory, _, name = path.rpartition("/")
        if directory not in self._real:
            found = self._tree.real(directory)
            self._real[directory] = None if found is None else found[1:]
        real = self._real[directory]
        if real is None:
            return None
        other = f"{real}/{name}" if real else name
        return other if other in self.by_path else None

    def text(self, path: str) -> str:
        """Return the kept content of a file, following links; empty if there is none."""
        found = self._tree.clue(path)
        kept = None if found is None else found.kept
        return "" if kept is None else kept.decode("utf-8", "replace")

    def data(self, path: str) -> bytes | None:
        """Return the kept content of a file, following links."""
        found = self._tree.clue(path)
        return None if found is None else found.kept
