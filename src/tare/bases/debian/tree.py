"""A root file system that exists nowhere: paths in memory, contents in one scratch file.

Nothing is ever written to a path that an archive names. Links are followed within the tree alone, and `/bin`, `/lib` and
their like are the same as those in `/usr`, as on every Debian since its version 12.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

import msgspec

from tare.errors import HostileInputError, TargetError
from tare.oci.tar import Entry
from tare.oci.tar_header import Kind

MERGED: Final = frozenset({"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"})
"""Directories of the root that are links into `/usr` (usrmerge(8))."""

_LINKS: Final = 40
"""Links that are followed in one path, as many as Linux follows."""
_CHUNK: Final = 1024 * 1024
_PERMISSIONS: Final = 0o1777
"""Set-user-ID and set-group-ID are dropped: nothing in an image that runs as one user has use for them."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """What is at a path."""

    kind: Kind
    mode: int
    size: int = 0
    target: str = ""
    uid: int = 0
    gid: int = 0

    start: int = 0
    """Where a file's content lies in the scratch file; two files with the same place are hard links."""

    owner: str = ""
    """The package that it came from; empty for what tare made."""


_DIRECTORY: Final = Node(kind="directory", mode=0o755)
"""A parent that no package has as an entry."""


class Tree:
    """Paths, without a leading slash, and what is there."""

    def __init__(self, scratch: BinaryIO) -> None:
        self._scratch = scratch
        self._nodes: dict[str, Node] = {}
        self._end = 0
        self._emptied: set[str] = set()

    def __contains__(self, path: str) -> bool:
        return path in self._nodes

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        """Yield the nodes, sorted by the bytes of their paths, so that parents come first."""
        for path in sorted(self._nodes, key=_bytes):
            yield path, self._nodes[path]

    def get(self, path: str) -> Node | None:
        """Return what is at *path*, which is taken as it is: no links are followed."""
        return self._nodes.get(path)

    def directory(self, path: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0, owner: str = "") -> str:
        """Add a directory, unless one or a link to one is there. Return its place."""
        place = self.place(path)
        if place and self._resolved(place) is None:
            self._put(place, Node(kind="directory", mode=mode & _PERMISSIONS, uid=uid, gid=gid, owner=owner), ())
        return place

    def symlink(self, path: str, target: str, *, owner: str = "", replaces: Iterable[str] = ()) -> str:
        """Add a symbolic link. A directory that is there already stays, as it does when dpkg unpacks."""
        place = self.place(path)
        there = self._nodes.get(place)
        if there is None or there.kind != "directory":
            self._put(place, Node(kind="symlink", mode=0o777, target=target, owner=owner), replaces)
        return place

    def file(
        self, path: str, chunks: Iterable[bytes], *, mode: int = 0o644, owner: str = "", replaces: Iterable[str] = ()
    ) -> str:
        """Add a file with the content that *chunks* give."""
        start = self._end
        self._scratch.seek(start)
        for chunk in chunks:
            self._end += self._scratch.write(chunk)
        size = self._end - start
        self._end += 1  # an empty file has a place of its own, too
        place = self.place(path)
        node = Node(kind="file", mode=mode & _PERMISSIONS, size=size, start=start, owner=owner)
        self._put(place, node, replaces)
        return place

    def hard_link(self, path: str, target: str, *, owner: str = "", replaces: Iterable[str] = ()) -> str:
        """Add another name for the file *target*."""
        node = self._nodes.get(self.place(target))
        if node is None or node.kind != "file":
            raise HostileInputError(f"`{path}` is a hard link to `{target}`, which is not a file that came before it")
        place = self.place(path)
        self._put(place, msgspec.structs.replace(node, owner=owner), replaces)
        return place

    def top_link(self, name: str, target: str) -> None:
        """Add a link in the root for one of the `MERGED` directories, whose own place is in `/usr`."""
        self._nodes[name] = Node(kind="symlink", mode=0o777, target=target)

    def remove_directory(self, path: str) -> None:
        """Remove a directory that has nothing in it; leave one that has."""
        node = self._nodes.get(path)
        if node is not None and node.kind == "directory" and not any(p.startswith(f"{path}/") for p in self._nodes):
            del self._nodes[path]

    def remove(self, path: str) -> None:
        """Remove what is at *path*. A directory that has nothing in it afterwards goes with it, in `prune`."""
        if self._nodes.pop(path, None) is not None:
            self._emptied.update(_parents(path))

    def empty(self, path: str) -> None:
        """Let the directory at *path* go in `prune`, if nothing is in it then."""
        self._emptied.add(path)

    def prune(self) -> None:
        """Remove directories that have nothing in them since `remove` or `empty`."""
        full = {parent for path, node in self._nodes.items() if node.kind != "directory" for parent in _parents(path)}
        for path in sorted(self._emptied, key=len, reverse=True):
            node = self._nodes.get(path)
            if node is not None and node.kind == "directory" and path not in full:
                del self._nodes[path]
        self._emptied.clear()

    def read(self, node: Node) -> bytes:
        """Return a file's content."""
        return b"".join(self.chunks(node))

    def chunks(self, node: Node) -> Iterator[bytes]:
        """Yield a file's content in pieces."""
        position, left = node.start, node.size
        while left:
            self._scratch.seek(position)
            data = self._scratch.read(min(left, _CHUNK))
            position += len(data)
            left -= len(data)
            yield data

    def entries(self) -> Iterator[tuple[Entry, Node]]:
        """Yield the entries of an archive: sorted, with all directories, hard links after what they link to."""
        first: dict[int, str] = {}
        implied = {parent for path in self._nodes for parent in _parents(path)} - self._nodes.keys()
        for path in sorted(self._nodes.keys() | implied, key=_bytes):
            node = self._nodes.get(path, _DIRECTORY)
            linked = first.setdefault(node.start, path) if node.kind == "file" else path
            if linked != path:
                yield Entry(path=path, kind="hardlink", mode=node.mode, target=linked), node
                continue
            yield (
                Entry(
                    path=path,
                    kind=node.kind,
                    mode=node.mode,
                    size=node.size,
                    uid=node.uid,
                    gid=node.gid,
                    target=node.target,
                ),
                node,
            )

    def place(self, path: str) -> str:
        """Return where *path* is: its parents' links are followed, its own is not."""
        parts = path.split("/") if path else []
        if not all(parts) or {".", ".."} & set(parts) or "\0" in path:
            raise HostileInputError(f"`{path}` is not a path within a root file system")
        if parts and parts[0] in MERGED:
            parts.insert(0, "usr")
        return self._walk(parts)

    def _walk(self, parts: list[str]) -> str:
        here: list[str] = []
        waiting = parts[::-1]
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                here = here[:-1]  # above the root is the root
                continue
            here.append(part)
            node = self._nodes.get("/".join(here)) if waiting else None
            if node is None or node.kind == "directory":
                continue
            links += 1
            if node.kind != "symlink" or links > _LINKS:
                raise HostileInputError(f"`{'/'.join(parts)}` lies below `{'/'.join(here)}`, which is no directory")
            here = [] if node.target.startswith("/") else here[:-1]
            following = [part for part in node.target.split("/") if part not in {"", "."}]
            if not here and following and following[0] in MERGED:
                following.insert(0, "usr")
            waiting.extend(reversed(following))
        return "/".join(here)

    def _resolved(self, place: str) -> str | None:
        """Return the directory that *place* is or links to, or None if nothing is there yet."""
        node = self._nodes.get(place)
        if node is None or node.kind == "directory":
            return None if node is None else place
        if node.kind == "symlink":
            return place
        raise HostileInputError(f"`{place}` is a directory and a file at once")

    def _put(self, place: str, node: Node, replaces: Iterable[str]) -> None:
        there = self._nodes.get(place)
        if there is not None and there.owner != node.owner and there.owner in replaces:
            there = None
        if there is None:
            self._nodes[place] = node
        elif there.kind == "directory" or not self._same(there, node):
            raise TargetError(
                f"`{there.owner or 'tare'}` and `{node.owner or 'tare'}` both have the file `/{place}`",
                hints=("Leave one of them out of `system-packages`",),
            )

    def _same(self, one: Node, other: Node) -> bool:
        if (one.kind, one.target, one.size) != (other.kind, other.target, other.size):
            return False
        return one.kind != "file" or self.read(one) == self.read(other)


def _parents(path: str) -> Iterator[str]:
    """Yield the directories above *path*, nearest first, without the root."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
