"""Layers, applied to a tree of names: what one layer does to those below it, and whether all engines agree on it.

https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#applying-changesets
"""

from __future__ import annotations

from typing import Final

from tare.oci.validate import accounts, names, tree
from tare.oci.validate.accounts import Accounts
from tare.oci.validate.archive import Member
from tare.oci.validate.findings import Report, shown
from tare.oci.validate.limits import Limits
from tare.oci.validate.machines import Machines
from tare.oci.validate.tree import Directory, Link, Node, Tree, Way

_MOST_DEFERRED: Final = 1_000
"""Hard links of one layer whose missing target may still come."""


class Changes:
    """Applies one member after the other to *root*, in the order of the layers."""

    def __init__(self, root: Tree, machines: Machines, limits: Limits) -> None:
        self.count = 0
        self.accounts: Accounts = {}
        self._tree = root
        self._machines = machines
        self._limits = limits
        self._report = Report()
        self._layer = -1
        self._stopped = False
        self.partial = False
        """Whether there are members that are not known: what is missing then may be among them."""
        self._deferred: list[tuple[Member, list[bytes]]] = []
        self._whiteouts: set[bytes] = set()
        self._parent: tuple[list[bytes], Directory] | None = None

    def begin(self, layer: int, report: Report) -> None:
        """Start with the layer of the number *layer*."""
        self.partial = self.partial or layer != self._layer + 1
        self._layer = layer
        self._report = report
        self._whiteouts.clear()
        self._parent = None

    def end(self, *, whole: bool) -> None:
        """Finish the layer: hard links whose target was not there are judged now. *whole* tells whether it was read."""
        self.partial = self.partial or not whole
        for member, parts in self._deferred:
            node, _ = self._tree.find(parts)
            if node is not None and not isinstance(node, Directory) and tree.remains(node, self._layer):
                self._tell("L307", member, f"expected `{shown(member.link)}` before it, found it after")
            else:
                self._missing("L305", member, f"expected `{shown(member.link)}`, found nothing there")
        self._deferred.clear()

    def apply(self, member: Member) -> bool:
        """Apply *member*, once its content was read; False if there were too many, and no more is to come."""
        self.count += 1
        if self._exhausted():
            return False
        names.check_attributes(member, self._report)
        parts = names.split(member, self._report)
        if not parts:
            if parts is not None:
                self._apply_root(member)
        elif b".wh." in member.path and any(part.startswith(names.WHITEOUT) for part in parts):
            self._apply_whiteout(member, parts)
        else:
            self._apply_entry(member, parts)
        return True

    def _exhausted(self) -> bool:
        limits = self._limits
        if not self._stopped and (self.count > limits.entries or self._tree.steps > limits.steps):
            self._stopped = True
            message = f"expected at most {limits.entries} entries and {limits.steps} names on their paths, found more"
            self._report.add("L340", self._report.scope, message)
        return self._stopped

    def _apply_root(self, member: Member) -> None:
        root = self._tree.root
        if member.kind != "directory":
            self._tell("L204", member, f"expected a directory, as it is the root, found a {member.kind}")
        elif root.layer == self._layer:
            self._tell("L207", member, "expected one entry for the root, found another")
        root.layer = self._layer

    def _apply_entry(self, member: Member, parts: list[bytes]) -> None:
        parent = self._enter(member, parts, make=True)
        if parent is None:
            return
        name = parts[-1]
        old = parent.children.get(name)
        if old is not None and self._has_entry(old):
            self._tell("L207", member, "expected one entry of that path in the layer, found another")
        new = self._node(member, parts, old)
        if new is None:
            return
        if old is not None and new is not old:
            self._check_replaced(member, parts, old, new)
            self._parent = None
        parent.children[name] = new
        parent.touched = self._layer
        if member.kind == "file":
            path = b"/".join(parts)
            self._machines.see(path, member.head, executable=bool(member.mode & 0o111))
            if path in {accounts.PASSWD, accounts.GROUP} and member.size <= accounts.MOST:
                self.accounts[path] = (self._layer, member.head)

    def _has_entry(self, node: Node) -> bool:
        return (node if isinstance(node, int) else node.layer) == self._layer

    def _node(self, member: Member, parts: list[bytes], old: Node | None) -> Node | None:
        """Return what *member* makes of its path; None for a hard link without a target."""
        if member.kind == "directory":
            directory = old if isinstance(old, Directory) else Directory()
            directory.layer = self._layer
            return directory
        if member.kind == "symlink":
            if not member.link or b"\0" in member.link:
                self._tell("L311", member, "expected a target of the symbolic link, found none, or a NUL in it")
            return Link(member.link, self._layer)
        return self._linked(member, parts) if member.kind == "hardlink" else self._layer

    def _check_replaced(self, member: Member, parts: list[bytes], old: Node, new: Node) -> None:
        """Look at what *new* takes the place of."""
        if isinstance(old, Directory) and old.children:
            if tree.has_of(old, self._layer):
                self._tell(
                    "L304", member, f"expected a directory, as the layer has entries below it, found a {member.kind}"
                )
            else:
                self._tell(
                    "L331", member, f"a {member.kind} replaces a directory of a lower layer with all that is in it"
                )
        elif isinstance(old, Link) and isinstance(new, Directory) and old.layer != self._layer:
            _, node = self._tree.resolve(parts)
            if isinstance(node, Directory):
                message = f"a directory replaces the symbolic link to `{shown(old.target)}`: what it led to is hidden"
                self._tell("L330", member, message)

    def _enter(self, member: Member, parts: list[bytes], *, make: bool) -> Directory | None:
        """Return the directory that *member* is put into."""
        if self._parent is not None and self._parent[0] == parts[:-1]:
            return self._parent[1]
        way = self._tree.parent(parts, make=make)
        if not make and way.problem == "dangles" and not way.links:
            if parts[-1] != names.OPAQUE:
                self._missing("L321", member, "expected something in a lower layer to hide, found nothing")
            return None
        if self._check_way(member, way, "L301") and way.directory is not None and not way.links:
            self._parent = (parts[:-1], way.directory)
        return way.directory

    def _check_way(self, member: Member, way: Way, outside: str) -> bool:
        """Check how a path was followed; *outside* is the rule that one that leaves the root breaks."""
        at = shown(way.at)
        if way.problem == "file":
            self._tell("L304", member, f"expected a directory at `{at}`, found something else")
        elif way.problem == "escapes":
            self._tell(outside, member, f"expected a path within the root, found that the link `{at}` leaves it")
        elif way.problem == "dangles" and self.partial:
            return False
        elif way.absolute >= 0 and (way.absolute == self._layer or way.problem):
            self._tell(outside, member, f"expected a path within the root, found that the link `{at}` is absolute")
        elif way.problem:
            self._tell("L303", member, f"expected a directory behind the link `{at}`, found that it {way.problem}")
        elif way.links:
            self._tell("L302", member, f"expected a path without symbolic links, found the link `{at}`")
        return way.problem is None

    def _linked(self, member: Member, parts: list[bytes]) -> Node | None:
        """Return what the hard link *member* is then."""
        target = [part for part in member.link.split(b"/") if part not in {b"", b"."}]
        if not target or b".." in target or b"\0" in member.link:
            self._tell("L306", member, f"expected a file of the image, found `{shown(member.link)}`")
            return None
        if target == parts:
            self._tell("L309", member, "expected another file's path, found its own")
            return None
        if member.link.startswith(b"/"):
            self._tell("L312", member, f"expected a relative path, found `{shown(member.link)}`")
        node, way = self._tree.find(target)
        if (way.links or way.problem == "file") and not self._check_way(member, way, "L306"):
            return None
        return self._linked_to(member, target, node)

    def _linked_to(self, member: Member, target: list[bytes], node: Node | None) -> Node | None:
        if node is None:
            if len(self._deferred) < _MOST_DEFERRED:
                self._deferred.append((member, target))
            else:
                self._missing("L305", member, f"expected `{shown(member.link)}`, found nothing there")
            return None
        if isinstance(node, Directory):
            self._tell("L308", member, f"expected a file, found that `{shown(member.link)}` is a directory")
            return None
        if not tree.remains(node, self._layer):
            self._tell("L310", member, f"expected `{shown(member.link)}` in the same layer, found it in a lower one")
        return Link(node.target, self._layer) if isinstance(node, Link) else self._layer

    def _apply_whiteout(self, member: Member, parts: list[bytes]) -> None:
        name = parts[-1]
        if not name.startswith(names.WHITEOUT) or any(part.startswith(names.WHITEOUT) for part in parts[:-1]):
            self._tell("L324", member, "expected no file below a name that begins with `.wh.`")
            return
        if member.kind not in {"file", "hardlink"}:
            self._tell("L324", member, f"expected an empty file, as the name is a whiteout's, found a {member.kind}")
            return
        if member.size or member.kind == "hardlink":
            self._tell("L325", member, f"expected an empty file, found a {member.kind} of {member.size} bytes")
        hidden = name.removeprefix(names.WHITEOUT)
        if name != names.OPAQUE and name.startswith(names.METADATA):
            self._tell("L326", member, "a file of AUFS's own, which engines leave out")
        elif hidden in {b"", b".", b".."}:
            self._tell("L320", member, f"expected the name of what is hidden, found `{shown(hidden)}`")
        else:
            self._hide(member, parts, hidden)

    def _hide(self, member: Member, parts: list[bytes], hidden: bytes) -> None:
        path = b"/".join(parts)
        if path in self._whiteouts:
            self._tell("L207", member, "expected one entry of that path in the layer, found another")
        self._whiteouts.add(path)
        parent = self._enter(member, parts, make=False)
        self._parent = None
        if parent is None:
            return
        if parent.touched == self._layer:
            self._tell("L323", member, "expected the whiteout before its siblings, found it after some")
        if parts[-1] == names.OPAQUE:
            self._tell("L327", member, "expected explicit whiteouts, found an opaque one")
            tree.hide(parent, self._layer)
        else:
            self._hide_one(member, parent, hidden)

    def _hide_one(self, member: Member, parent: Directory, name: bytes) -> None:
        node = parent.children.get(name)
        if node is None:
            self._missing("L321", member, "expected something in a lower layer to hide, found nothing")
            return
        if isinstance(node, Directory):
            tree.hide(node, self._layer)
        if tree.remains(node, self._layer):
            message = (
                f"expected `{shown(name)}` after its whiteout, found it before: engines differ on whether it stays"
            )
            self._tell("L322", member, message)
        else:
            del parent.children[name]

    def _missing(self, code: str, member: Member, message: str) -> None:
        """Tell that something is not there, if that can be known."""
        if not self.partial:
            self._tell(code, member, message)

    def _tell(self, code: str, member: Member, message: str) -> None:
        self._report.entry(code, member.path, message)
