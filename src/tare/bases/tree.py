"""A root file system as names only: layers are applied to it one after the other, and nothing is written anywhere.

What a reader needs of a file's content is taken while the layer streams by, and kept at the file as a clue. Links are
followed within the tree, which has its root as theirs.

https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from tare.errors import HostileInputError
from tare.oci.ground import PLAIN, Directory, Ground
from tare.oci.tar import Entry, TarReader

MAX_DEPTH: Final = 256
"""Directories within each other. Real images have some thirty."""
MAX_ENTRIES: Final = 2_000_000
"""Over all layers. An image with everything in it has some hundred thousand."""
MAX_LINKS: Final = 40
"""Symbolic links in one path; Linux's own limit."""

_OPAQUE: Final = ".wh..wh..opq"
_WHITEOUT: Final = ".wh."

Take = Callable[[str, TarReader, int], Any]
"""Given a file's path, the reader that stands at its content, and its size: the clue to keep, or None."""


class Node:
    """A file, link or directory. Not a frozen value: it is the tree's own, and there are hundreds of thousands."""

    __slots__ = ("attributes", "children", "clue", "directory", "layer", "size", "target")

    def __init__(self, layer: int, *, directory: bool = False, target: str | None = None, size: int = 0) -> None:
        self.layer = layer
        self.children: dict[str, Node] | None = {} if directory else None
        self.target = target
        self.size = size
        self.clue: Any = None
        self.directory = PLAIN
        self.attributes: Any = None


class Tree:
    """The names of a root file system. Paths are from its root, with or without a leading slash."""

    def __init__(self, describe: Callable[[Entry], Any] = lambda _: None) -> None:
        """Make an empty tree. What *describe* returns of an entry is kept as its node's attributes."""
        self._describe = describe
        self._root = Node(0, directory=True)
        self._layer = 0
        self._entries = 0

    def apply(self, reader: TarReader, take: Take) -> None:
        """Apply one layer, from the bottom up, keeping what *take* returns for files."""
        self._layer += 1
        for entry in reader:
            self._entries += 1
            if self._entries > MAX_ENTRIES:
                raise HostileInputError(f"the image has more than {MAX_ENTRIES} files")
            parts = _split(entry.path)
            if parts:
                self._add(parts, entry, reader, take)

    def real(self, path: str) -> str | None:
        """Return *path* with every link resolved, or None if it leads nowhere.

        The result has a leading slash.
        """
        found = self._find(path)
        return None if found is None else "/" + "/".join(found[1])

    def clue(self, path: str) -> Any:  # noqa: ANN401  # whatever `Take` returned
        """Return what was kept of the file at *path*, following links."""
        found = self._find(path)
        return None if found is None else found[0].clue

    def is_file(self, path: str) -> bool:
        """Whether a file with content is at *path*, following links."""
        found = self._find(path)
        return found is not None and found[0].children is None and found[0].target is None and found[0].size > 0

    def names(self, path: str) -> list[str]:
        """Return the names in the directory at *path*, sorted; none if there is no such directory."""
        found = self._find(path)
        return sorted(found[0].children) if found is not None and found[0].children is not None else []

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Yield every path with what is there, links not followed."""
        waiting = [("", self._root)]
        while waiting:
            path, node = waiting.pop()
            for name, child in (node.children or {}).items():
                yield f"{path}/{name}", child
                if child.children:
                    waiting.append((f"{path}/{name}", child))

    def ground(self) -> Ground:
        """Return the directories that are not plain, and the links to directories."""
        directories: dict[str, Directory] = {}
        links: dict[str, str] = {}
        for path, node in self.walk():
            if node.children is not None and node.directory != PLAIN:
                directories[path[1:]] = node.directory
            elif node.target is not None:
                found = self._find(path)
                if found is not None and found[0].children is not None:
                    links[path[1:]] = "/".join(found[1])
        return Ground(directories=dict(sorted(directories.items())), links=dict(sorted(links.items())))

    def _add(self, parts: list[str], entry: Entry, reader: TarReader, take: Take) -> None:
        *parents, name = parts
        parent = self._directory(parents)
        children = parent.children
        assert children is not None  # noqa: S101  # `_directory` returns directories
        if name == _OPAQUE:
            self._prune(parent)
        elif name.startswith(_WHITEOUT):
            self._remove(children, name.removeprefix(_WHITEOUT))
        elif entry.kind == "directory" and name in children and children[name].children is not None:
            children[name].layer = self._layer
            children[name].directory = _directory_of(entry)
            children[name].attributes = self._describe(entry)
        elif entry.kind == "hardlink":
            self._link(children, name, entry.target)
        else:
            node = Node(
                self._layer,
                directory=entry.kind == "directory",
                target=entry.target if entry.kind == "symlink" else None,
                size=entry.size,
            )
            node.attributes = self._describe(entry)
            if entry.kind == "file":
                node.clue = take("/".join(parts), reader, entry.size)
            elif entry.kind == "directory":
                node.directory = _directory_of(entry)
            children[name] = node

    def _link(self, children: dict[str, Node], name: str, target: str) -> None:
        """Give the file another name. A link to nothing is left out: no engine could extract it."""
        parts = _split(target)
        found = self._find("/".join(parts[:-1]))
        source = (found[0].children or {}).get(parts[-1]) if found is not None and parts else None
        if source is not None and source.children is None:
            node = Node(self._layer, target=source.target, size=source.size)
            node.clue = source.clue
            node.attributes = source.attributes
            children[name] = node

    def _directory(self, parts: list[str]) -> Node:
        """Return the directory at *parts*, made where it is missing, as engines do, which follow links on the way."""
        node, _ = self._resolve(parts, create=True)
        assert node is not None  # noqa: S101  # what is missing is made
        return node

    def _find(self, path: str) -> tuple[Node, list[str]] | None:
        node, names = self._resolve(path.split("/"), create=False)
        return None if node is None else (node, names)

    def _resolve(self, parts: list[str], *, create: bool) -> tuple[Node | None, list[str]]:
        stack = [self._root]
        names: list[str] = []
        left = parts[::-1]
        links = 0
        while left:
            name = left.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                if names:
                    names.pop()
                    stack.pop()
                continue
            child = self._child(stack[-1], name, create=create)
            if child is None:
                return None, names
            if child.target is None:
                stack.append(child)
                names.append(name)
                _check_depth(len(names))
                continue
            links += 1
            if links > MAX_LINKS:
                if create:
                    raise HostileInputError("the image has symbolic links that lead in a circle", causes=(name,))
                return None, names
            if child.target.startswith("/"):
                del stack[1:], names[:]
            left += child.target.split("/")[::-1]
        return stack[-1], names

    def _child(self, parent: Node, name: str, *, create: bool) -> Node | None:
        children = parent.children
        child = None if children is None else children.get(name)
        if not create or (child is not None and (child.children is not None or child.target is not None)):
            return child
        child = Node(self._layer, directory=True)
        if children is None:
            parent.children = children = {}
        children[name] = child
        return child

    def _remove(self, children: dict[str, Node], name: str) -> None:
        """Take away what lower layers have under *name*; what this layer adds there stays, whatever came first."""
        node = children.get(name)
        if node is None:
            return
        self._prune(node)
        if node.layer < self._layer and not node.children:
            del children[name]

    def _prune(self, node: Node) -> None:
        for name in list(node.children or ()):
            self._remove(node.children or {}, name)


def _directory_of(entry: Entry) -> Directory:
    if (entry.mode, entry.uid, entry.gid) == (PLAIN.mode, PLAIN.uid, PLAIN.gid):
        return PLAIN
    return Directory(mode=entry.mode, uid=entry.uid, gid=entry.gid)


def _split(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise HostileInputError("a layer has a path that leaves the image", causes=(f"`{path[:200]}`",))
    _check_depth(len(parts))
    return parts


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise HostileInputError(f"a layer has more than {MAX_DEPTH} directories within each other")
