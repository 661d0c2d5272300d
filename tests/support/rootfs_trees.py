"""What a root file system is, however it is looked at: as layers, as a tar of all of it, or as a directory."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

Tree = dict[str, tuple[str, int, int, int, str]]
"""By path: kind, mode, owner, group, and the digest of the content or where a link points."""

_ENGINES = (
    "dev",
    "proc",
    "sys",
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/mtab",
    ".dockerenv",
    "run/.containerenv",
)
"""What engines put into a container themselves, and where they mount."""


def merged(layers: Iterable[BinaryIO]) -> Tree:
    """Return what *layers*, bottom first, are together. Whiteouts are not expected."""
    tree: Tree = {}
    for layer in layers:
        for path, entry in of_tar(layer).items():
            assert not os.path.basename(path).startswith(".wh."), path
            tree[path] = entry
    return tree


def of_tar(stream: BinaryIO) -> Tree:
    tree: Tree = {}
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for info in archive:
            path = info.name.strip("/").removeprefix("./")
            if info.islnk():
                tree[path] = tree[info.linkname.strip("/").removeprefix("./")]
            elif info.isreg():
                file = archive.extractfile(info)
                assert file is not None
                digest = hashlib.sha256(file.read()).hexdigest()
                tree[path] = ("file", stat.S_IMODE(info.mode), info.uid, info.gid, digest)
            else:
                kind = "link" if info.issym() else "directory" if info.isdir() else "other"
                mode = 0o777 if info.issym() else stat.S_IMODE(info.mode)
                tree[path] = (kind, mode, info.uid, info.gid, info.linkname)
    return tree


def of_directory(root: Path) -> Tree:
    tree: Tree = {}
    for parent, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(parent, name)
            status = path.lstat()
            kind, content = "other", ""
            if stat.S_ISLNK(status.st_mode):
                kind, content = "link", str(path.readlink())
            elif stat.S_ISDIR(status.st_mode):
                kind = "directory"
            elif stat.S_ISREG(status.st_mode):
                with path.open("rb") as file:
                    kind, content = "file", hashlib.file_digest(file, "sha256").hexdigest()
            mode = 0o777 if kind == "link" else stat.S_IMODE(status.st_mode)
            tree[str(path.relative_to(root))] = (kind, mode, status.st_uid, status.st_gid, content)
    return tree


def without_engine(tree: Tree) -> Tree:
    """Return *tree* without what engines add, and without the root itself."""
    return {
        path: entry
        for path, entry in tree.items()
        if path not in {"", ".", "run"} and not any(path == own or path.startswith(f"{own}/") for own in _ENGINES)
    }
