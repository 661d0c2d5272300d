"""Files as folders within folders, each with its sum: what somebody explores."""

from __future__ import annotations

from collections.abc import Iterable

from tare.measure.contents import Contents
from tare.measure.dead import dead
from tare.measure.findings import Finding

Item = tuple[str, int]
"""A path from the root, and the bytes that count there."""


class Folder:
    """A directory, or a file if it has no children. Not a frozen value: it is made once, from many files."""

    __slots__ = ("bytes", "children", "files", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.bytes = 0
        self.files = 0
        self.children: dict[str, Folder] = {}

    @property
    def sorted(self) -> list[Folder]:
        """Return what is in it, the largest first."""
        return sorted(self.children.values(), key=lambda child: (-child.bytes, child.name))


def folders(items: Iterable[Item]) -> Folder:
    """Return the root of *items*.

    >>> root = folders([("a/b", 5), ("a/c", 1), ("d", 9)])
    >>> [(child.name, child.bytes, child.files) for child in root.sorted]
    [('d', 9, 1), ('a', 6, 2)]
    """
    root = Folder("")
    for path, size in items:
        here = root
        here.bytes += size
        here.files += 1
        for name in path.split("/"):
            child = here.children.get(name)
            if child is None:
                child = here.children[name] = Folder(name)
            child.bytes += size
            child.files += 1
            here = child
    return root


def seen(contents: Contents, layer: int | None = None) -> list[Item]:
    """Return the files that a container sees; with *layer*, those that it brought."""
    return [(item.path, item.size) for item in contents.live if layer is None or item.file.layer == layer]


def unseen(contents: Contents) -> list[Item]:
    """Return the files that no container sees."""
    return [(file.path.lstrip("/"), file.size) for _, file in dead(contents)]


def of_finding(contents: Contents, finding: Finding) -> list[Item]:
    """Return the files that a finding is about, by its paths."""
    directories = tuple(path[1:] for path in finding.paths if path.endswith("/"))
    files = {path[1:] for path in finding.paths}
    pool = unseen(contents) if finding.code.startswith("TW00") else seen(contents)
    return [item for item in pool if item[0] in files or (directories and item[0].startswith(directories))]
