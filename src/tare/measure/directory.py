"""A directory on this machine, or a virtual environment, read as if it were an image of one layer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from tare.bases.tree import Tree
from tare.errors import MachineError, UsageError
from tare.measure.contents import Contents, LayerRead
from tare.measure.files import Describe
from tare.measure.taking import Taker
from tare.oci.tar import Entry, TarReader
from tare.oci.tar_header import Kind


def read_directory(root: Path) -> Contents:
    """Read the files below *root*. Links are not followed, and other file systems are entered as what they are."""
    if not root.is_dir():
        raise UsageError(f"`{root}` is not a directory")
    walk = _Walk(root)
    taker = Taker(f"`{root}`")
    tree = Tree(Describe())
    tree.apply(cast("TarReader", walk), taker.take)  # It has what the tree and the taker use.
    layer = LayerRead(unpacked=walk.unpacked, entries=len(taker.files), compressed=False)
    return Contents(tree, taker.files, (layer,), tuple(taker.skipped))


class _Walk:
    """Yields what `TarReader` would of an archive of the directory."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._inodes: dict[tuple[int, int], str] = {}
        self._file: BinaryIO | None = None
        self._left = 0
        self.unpacked = 0

    def __iter__(self) -> Iterator[Entry]:
        waiting = [""]
        while waiting:
            directory = waiting.pop()
            for found in self._scan(directory):
                path = f"{directory}/{found.name}".lstrip("/")
                if found.name.startswith(".wh."):  # It would read as a whiteout.
                    continue
                entry = self._entry(found, path)
                if entry is not None:
                    self.unpacked += entry.size
                    yield entry
                    self._close()
                    if entry.kind == "directory":
                        waiting.append(path)

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* bytes of the current file, as many as it had when it was listed."""
        if self._file is None:
            return b""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield the current file in pieces."""
        while data := self.read(size):
            yield data

    def _scan(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self._root, directory)) as found:
                return sorted(found, key=lambda each: each.name)
        except OSError as error:
            raise _cannot_read(directory, error) from error

    def _entry(self, found: os.DirEntry[str], path: str) -> Entry | None:
        stat = found.stat(follow_symlinks=False)
        kind, target = self._kind(found, path, stat)
        if kind is None:
            return None
        size = 0
        if kind == "file":
            try:
                self._file = open(found.path, "rb")  # noqa: SIM115  # closed when the next entry is asked for
            except OSError as error:
                raise _cannot_read(path, error) from error
            size = self._left = stat.st_size
        return Entry(
            path=path,
            kind=kind,
            mode=stat.st_mode & 0o7777,
            size=size,
            mtime=int(stat.st_mtime),
            uid=stat.st_uid,
            gid=stat.st_gid,
            target=target,
        )

    def _kind(self, found: os.DirEntry[str], path: str, stat: os.stat_result) -> tuple[Kind | None, str]:
        if found.is_symlink():
            return "symlink", os.readlink(found.path)
        if found.is_dir(follow_symlinks=False):
            return "directory", ""
        if not found.is_file(follow_symlinks=False):
            return None, ""
        inode = (stat.st_dev, stat.st_ino)
        if stat.st_nlink > 1 and inode in self._inodes:
            return "hardlink", self._inodes[inode]
        self._inodes[inode] = path
        return "file", ""

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _cannot_read(path: str, error: OSError) -> MachineError:
    return MachineError(f"cannot read `{path}`", causes=(error.strerror or str(error),))
