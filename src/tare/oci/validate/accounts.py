"""Users and groups: whether an image knows the names that its config starts a container with.

runc and its like look names up in the image's own `/etc/passwd` and `/etc/group`, and refuse those that are not there.
"""

from __future__ import annotations

from typing import Final

from tare.oci.validate.findings import shown
from tare.oci.validate.tree import Directory, Link, Tree

PASSWD: Final = b"etc/passwd"
GROUP: Final = b"etc/group"
MOST: Final = 1024 * 1024
"""Bytes of such a file that are kept."""

Accounts = dict[bytes, tuple[int, bytes]]
"""By path: the layer that the file is from, and its content."""


def problem_of(user: str, tree: Tree, accounts: Accounts) -> str | None:
    """Return what is wrong with *user*, as `user` or `user:group`, or None if it is known, or cannot be."""
    names = user.split(":")
    for name, path in zip(names, (PASSWD, GROUP), strict=False):
        if not name or (name.isascii() and name.isdigit()):
            continue
        known = _names(path, tree, accounts)
        if known is not None and name.encode("utf-8", "surrogatepass") not in known:
            return f"expected a name that `/{path.decode()}` has, found `{shown(name)}`"
    return None


def _names(path: bytes, tree: Tree, accounts: Accounts) -> set[bytes] | None:
    """Return the names in the file at *path*; None if its content is not known."""
    real, node = tree.resolve(path.split(b"/"))
    if node is None:
        return set()
    kept = accounts.get(b"/".join(real))
    if isinstance(node, (Directory, Link)) or kept is None or kept[0] != node:
        return None
    return {line.partition(b":")[0] for line in kept[1].splitlines()}
