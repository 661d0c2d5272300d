"""Every file with its package: one, even where two have a record of it, so that sums add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from tare.measure.contents import Contents
from tare.measure.packages import alpine, debian, python, rpm
from tare.measure.packages.package import Package, Paths
from tare.measure.packages.python import Installation, source_of


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """Whose each file is."""

    packages: tuple[Package, ...]
    """All that are installed, also those without a file."""

    by_path: dict[str, Package]

    installations: tuple[Installation, ...]
    """The interpreters."""

    unknown: tuple[str, ...]
    """What could not be read."""

    def sizes(self, contents: Contents) -> dict[Package, tuple[int, int]]:
        """Return the bytes and the number of the files of each package."""
        found: dict[Package, list[int]] = {package: [0, 0] for package in self.packages}
        for item in contents.live:
            owner = self.by_path.get(item.path)
            if owner is not None:
                found[owner][0] += item.size
                found[owner][1] += 1
        return {package: (size, count) for package, (size, count) in found.items()}


def owners(contents: Contents) -> Owners:
    """Return whose the files of *contents* are.

    The system's package manager comes first: a Debian package of a Python distribution has a record of both kinds.
    """
    paths = Paths(contents.tree, contents.live)
    owned: dict[str, Package] = {}
    packages: dict[Package, None] = {}
    for reader in (debian, alpine, rpm):
        _claim(paths, owned, packages, reader.packages(paths), empty=True)
    _claim(paths, owned, packages, python.packages(paths), empty=False)
    installations = tuple(python.installations(paths))
    _compiled(paths, owned)
    _own(paths, owned, packages, installations)
    _compiled(paths, owned)
    unknown = [f"`{path}`, a database of packages, is too large to be read" for path in contents.skipped]
    if rpm.unreadable(paths):
        unknown.append("the database of RPM is in a format that tare does not read")
    return Owners(packages=tuple(packages), by_path=owned, installations=installations, unknown=tuple(unknown))


def _claim(
    paths: Paths,
    owned: dict[str, Package],
    packages: dict[Package, None],
    found: Iterable[tuple[Package, list[str]]],
    *,
    empty: bool,
) -> None:
    """Give each package the files that nobody owns yet. One that gets none is left out, unless *empty* are welcome."""
    for package, names in found:
        mine = [path for name in names if name and (path := paths.find(name)) is not None and path not in owned]
        if mine or empty:
            packages[package] = None
        for path in mine:
            owned[path] = package


def _compiled(paths: Paths, owned: dict[str, Package]) -> None:
    """Count bytecode to whoever has the module."""
    for path in paths.by_path:
        if path not in owned and path.endswith(".pyc"):
            source = source_of(path)
            owner = owned.get(source or "")
            if owner is not None:
                owned[path] = owner


def _own(
    paths: Paths,
    owned: dict[str, Package],
    packages: dict[Package, None],
    installations: Iterable[Installation],
) -> None:
    """Give the rest of an interpreter's own files to it."""
    mine: dict[Installation, list[str]] = defaultdict(list)
    for path in paths.by_path:
        if path not in owned:
            first = next((each for each in installations if each.has(path)), None)
            if first is not None:
                mine[first].append(path)
    for each, names in mine.items():
        package = Package("interpreter", "cpython", each.name.removeprefix("python"))
        packages[package] = None
        for path in names:
            owned[path] = package
