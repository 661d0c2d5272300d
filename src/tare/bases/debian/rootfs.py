"""From packages to a root file system: unpacked into a tree, with what tare makes instead of maintainer scripts.

The result looks to scanners as distroless images do: `/var/lib/dpkg/status.d` has a control file and the MD5 sums for
each package, and there is no `/var/lib/dpkg/status`
(https://github.com/GoogleContainerTools/distroless/blob/main/PACKAGE_METADATA.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from tare.bases.debian.closure import Package
from tare.bases.debian.deb import Deb, open_deb
from tare.bases.debian.relations import relations
from tare.bases.debian.scripts import Alternative, alternatives, make_alternatives, unmet
from tare.bases.debian.tables import Omission, Tables, pattern
from tare.bases.debian.tree import MERGED, Tree
from tare.errors import HostileInputError, IntegrityError

_STATUS: Final = "var/lib/dpkg/status.d"
_FIRST: Final = "base-files"
"""Unpacked before all others, since it has the links and modes of the top directories."""


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of unpacking, beside the tree."""

    omitted: dict[str, int]
    """Bytes of files that were left out, by the reason of the rule."""

    sizes: dict[str, int]
    """Bytes of files that stayed, by package."""

    warnings: tuple[str, ...]


class Unpacker:
    """Fills *tree* from packages."""

    def __init__(self, tree: Tree, tables: Tables) -> None:
        self._tree = tree
        self._tables = tables
        self._warnings: list[str] = []
        self._alternatives: list[Alternative] = []
        self._omitted: dict[str, int] = {}
        self._sums: dict[str, tuple[bytes, dict[str, str]]] = {}

    def unpack(self, packages: Iterable[tuple[Package, Path]]) -> None:
        """Unpack *packages*, whose files were verified; in an order that does not depend on theirs."""
        for package, path in sorted(packages, key=lambda item: (item[0].name != _FIRST, item[0].name)):
            what = f"`{package.filename.rpartition('/')[2]}`"
            with open_deb(path, what=what) as deb:
                self._unpack(package, deb, what)

    def omit(self, packages: Iterable[Package]) -> None:
        """Leave out what an image does without."""
        named = frozenset(package.name for package in packages if package.named)
        rules = [(row, _matcher(row, named)) for row in self._tables.omission]
        for path, node in list(self._tree):
            row = next((row for row, matches in rules if matches(path, node.owner)), None) if node.owner else None
            if row is not None and node.kind == "directory":
                self._tree.empty(path)
            elif row is not None:
                self._omitted[row.reason] = self._omitted.get(row.reason, 0) + node.size
                self._tree.remove(path)
        self._tree.prune()

    def finish(self) -> Unpacked:
        """Link alternatives, write down which packages are there, and return what came of it all."""
        make_alternatives(self._tree, self._alternatives)
        self._record()
        sizes: dict[str, int] = {}
        for entry, node in self._tree.entries():
            if entry.kind == "file":
                sizes[node.owner] = sizes.get(node.owner, 0) + node.size
        return Unpacked(omitted=self._omitted, sizes=sizes, warnings=tuple(self._warnings))

    def _unpack(self, package: Package, deb: Deb, what: str) -> None:
        fields = deb.fields()
        found = fields.get("Package"), fields.get("Version"), fields.get("Architecture")
        if found != (package.name, package.version, package.architecture):
            raise IntegrityError(
                f"{what} is another package",
                causes=(f"expected {package.name} {package.version}, got {found[0]} {found[1]}",),
            )
        if deb.postinst is not None:
            self._alternatives += alternatives(deb.postinst)
            missed = unmet(deb.postinst)
            if missed is not None and package.name not in self._tables.scripts_that_need_not_run():
                self._warnings.append(f"the maintainer script of `{package.name}` is not run: {missed}")
        replaces = tuple(item.name for group in relations(fields.get("Replaces", "")) for item in group)
        places = self._add(package.name, deb, replaces, what)
        self._sums[package.name] = deb.md5sums, places
        self._tree.file(f"{_STATUS}/{package.name}", [deb.control], owner=package.name)

    def _add(self, owner: str, deb: Deb, replaces: tuple[str, ...], what: str) -> dict[str, str]:
        """Add the content of *deb*. Return where its files are, by the paths that it gives them."""
        places = {}
        for entry in deb.content:
            path = entry.path.lstrip("/")
            if entry.kind == "directory":
                self._tree.directory(path, mode=entry.mode, owner=owner)
            elif entry.kind == "symlink" and path in MERGED:
                continue  # made for every suite alike
            elif entry.kind == "symlink":
                self._tree.symlink(path, entry.target, owner=owner, replaces=replaces)
            elif entry.kind == "file":
                chunks = deb.content.chunks()
                places[path] = self._tree.file(path, chunks, mode=entry.mode, owner=owner, replaces=replaces)
            elif entry.kind == "hardlink":
                target = entry.target.removeprefix("./").lstrip("/")
                places[path] = self._tree.hard_link(path, target, owner=owner, replaces=replaces)
            else:
                raise HostileInputError(f"{what} has the {entry.kind} `{path}`, which no package needs")
        return places

    def _record(self) -> None:
        """Write the MD5 sums of the files that stayed, for scanners that want to know whose a file is."""
        for name, (sums, places) in sorted(self._sums.items()):
            kept = [
                line
                for line in sums.decode("utf-8", "surrogateescape").splitlines()
                if self._owner(places.get(line[34:], "")) == name
            ]
            text = "".join(f"{line}\n" for line in kept)
            self._tree.file(f"{_STATUS}/{name}.md5sums", [text.encode("utf-8", "surrogateescape")], owner=name)

    def _owner(self, place: str) -> str | None:
        node = self._tree.get(place)
        return node.owner if node is not None else None


def _matcher(row: Omission, named: frozenset[str]) -> Callable[[str, str], bool]:
    wanted, kept = pattern(row.paths), pattern(row.but)

    def matches(path: str, owner: str) -> bool:
        if row.packages and (owner not in row.packages or owner in named):
            return False
        return wanted.fullmatch(path) is not None and kept.fullmatch(path) is None

    return matches
