"""The root file system that the layers make together, as names alone: nothing is ever written to a disk.

Directories are objects, symbolic links too, and all else is a number that says which layer it is from; a name takes
about 120 bytes. Paths are followed as a kernel would follow them with the image's root as its own.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

_MOST_LINKS: Final = 40
"""Symbolic links on one path; Linux's limit."""

Problem = Literal["escapes", "dangles", "loops", "file"]


class Directory:
    """A directory: what is in it, and which layer last said so."""

    __slots__ = ("children", "cleared", "layer", "touched")

    def __init__(self, layer: int = -1) -> None:
        self.children: dict[bytes, Node] = {}
        self.layer = layer
        """The last layer with an entry for the directory itself; -1 if it only follows from a path."""
        self.touched = -1
        """The last layer that put something into it."""
        self.cleared = -1
        """The last layer that hid all that lower layers had in it, at any depth."""


class Link:
    """A symbolic link."""

    __slots__ = ("layer", "target")

    def __init__(self, target: bytes, layer: int) -> None:
        self.target = target
        self.layer = layer


Node: TypeAlias = "Directory | Link | int"
"""A number is a file, or anything else without a name in it: the layer that it is from."""


class Way(msgspec.Struct, gc=False):
    """How a path was followed."""

    directory: Directory | None = None
    """Where it ends; None if it does not end in a directory."""

    problem: Problem | None = None

    at: bytes = b""
    """The name on the path that was the problem, or the first link."""

    links: int = 0
    absolute: int = -1
    """The newest layer of an absolute link on the way; -1 if there is none."""

    newest: int = -1
    """The newest layer of any link on the way."""


class Tree:
    """The names of all layers so far."""

    def __init__(self) -> None:
        self.root = Directory()
        self.steps = 0
        """Names that were followed. Hostile links can make a path of a few bytes cost thousands."""

    def parent(self, parts: list[bytes], *, make: bool) -> Way:
        """Follow all of *parts* but the last one. With *make*, missing directories of the path itself are made."""
        way = Way()
        stack = [self.root]
        self.steps += len(parts)
        for part in parts[:-1]:
            node = stack[-1].children.get(part)
            if node is None:
                if not make:
                    way.problem, way.at = "dangles", part
                    return way
                node = stack[-1].children[part] = Directory()
            if isinstance(node, Directory):
                stack.append(node)
            elif isinstance(node, Link):
                way.at = way.at or part
                self._follow(stack, node, way)
            else:
                way.problem, way.at = "file", part
            if way.problem:
                return way
        way.directory = stack[-1]
        return way

    def find(self, parts: list[bytes]) -> tuple[Node | None, Way]:
        """Return what is at *parts*, its last name not followed, and how one gets there."""
        if not parts:
            return self.root, Way(directory=self.root)
        way = self.parent(parts, make=False)
        return (None if way.directory is None else way.directory.children.get(parts[-1])), way

    def resolve(self, parts: list[bytes]) -> tuple[list[bytes], Node | None]:
        """Follow *parts* with all links, and return the real path and what is there; None if there is nothing."""
        real: list[tuple[bytes, Node]] = []
        waiting = list(reversed(parts))
        links = 0
        while waiting:
            part = waiting.pop()
            if part in {b"", b"."}:
                continue
            if part == b"..":
                del real[-1:]
                continue
            above = real[-1][1] if real else self.root
            node = above.children.get(part) if isinstance(above, Directory) else None
            if isinstance(node, Link) and links < _MOST_LINKS:
                links += 1
                if node.target.startswith(b"/"):
                    real = []
                waiting += reversed(node.target.split(b"/"))
                continue
            if node is None or isinstance(node, Link):
                return [*(name for name, _ in real), part, *reversed(waiting)], None
            real.append((part, node))
        return [name for name, _ in real], real[-1][1] if real else self.root

    def _follow(self, stack: list[Directory], link: Link, way: Way) -> None:
        """Replace *stack*, the directories from the root on, by the one that *link* in the last of them leads to."""
        way.links += 1
        way.newest = max(way.newest, link.layer)
        if way.links > _MOST_LINKS:
            way.problem = "loops"
            return
        if link.target.startswith(b"/"):
            way.absolute = max(way.absolute, link.layer)
            del stack[1:]
        for part in link.target.split(b"/"):
            self._step(stack, part, way)
            if way.problem:
                return

    def _step(self, stack: list[Directory], part: bytes, way: Way) -> None:
        self.steps += 1
        if part in {b"", b"."}:
            return
        if part == b"..":
            if len(stack) == 1:
                way.problem = "escapes"
            else:
                stack.pop()
            return
        node = stack[-1].children.get(part)
        if isinstance(node, Directory):
            stack.append(node)
        elif isinstance(node, Link):
            self._follow(stack, node, way)
        else:
            way.problem = "dangles" if node is None else "file"


def hide(directory: Directory, layer: int) -> None:
    """Take what layers below *layer* put into *directory* out of it. What *layer* itself put there stays."""
    waiting = [directory]
    visited = []
    while waiting:
        current = waiting.pop()
        if current.cleared != layer:
            current.cleared = layer
            visited.append(current)
            waiting += [child for child in current.children.values() if isinstance(child, Directory)]
    for current in reversed(visited):  # the deepest first, so that what is left of a directory is known
        current.children = {name: node for name, node in current.children.items() if remains(node, layer)}


def remains(node: Node, layer: int) -> bool:
    """Tell whether *node* is *layer*'s own; a directory that was cleared is if there is something left in it."""
    if isinstance(node, Directory):
        return node.layer == layer or bool(node.children)
    return (node.layer if isinstance(node, Link) else node) == layer


def has_of(directory: Directory, layer: int) -> bool:
    """Tell whether *layer* put something into *directory*, at any depth. The caller drops the directory then."""
    waiting = [directory]
    while waiting:
        for child in waiting.pop().children.values():
            if isinstance(child, Directory):
                if child.layer == layer:
                    return True
                waiting.append(child)
            elif remains(child, layer):
                return True
    return False
