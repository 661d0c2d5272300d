"""Root file systems that were written once and are run from many times.

A directory per chain of layers. It appears by renaming when it is complete, and is never written to afterwards: a run
sees it read-only or under an overlay.

Thousands of files are not waited for until they are on the disk. Until the machine is started anew everybody sees them
whole; afterwards nobody knows, so what was written before is written again.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from tare.engines import tree
from tare.engines.rootfs import Note, write_rootfs
from tare.errors import MachineError
from tare.oci.digest import Digest, encoded, sha256
from tare.oci.image import Image
from tare.stores import files
from tare.stores.locking import exclusive

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")

_STAGE: Final = "stage"
"""An empty directory that runs mount over, each in a namespace of its own."""


class RootfsCache:
    """Root file systems under *directory*, for root or for somebody else: they differ in whom the files belong to.

    *boot* is a file that says something else each time the machine is started.
    """

    def __init__(self, directory: Path, *, as_root: bool, boot: Path = _BOOT) -> None:
        self._directory = directory
        self._as_root = as_root
        self._boot = _word(boot)

    def get(self, image: Image, note: Note) -> Path:
        """Return the directory with the root file system of *image*, which is written if it is not there."""
        who = "root" if self._as_root else "user"
        path = self._directory / f"{encoded(chain_id(image))}-{who}-{self._boot}"
        if path.is_dir():
            return path
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusive(self._directory / "lock"):
                if not path.is_dir():
                    self._write(image, path, note)
        except OSError as error:
            raise MachineError(f"cannot write to `{self._directory}`", causes=(error.strerror or str(error),)) from None
        return path

    def stage(self) -> Path:
        """Return the directory to mount over."""
        path = self._directory / _STAGE
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def remove_all(self) -> None:
        """Remove every root file system."""
        with contextlib.suppress(FileNotFoundError), exclusive(self._directory / "lock"):
            for entry in list(os.scandir(self._directory)):
                if entry.is_dir(follow_symlinks=False):
                    self._remove(entry.name)

    def _write(self, image: Image, path: Path, note: Note) -> None:
        for entry in list(os.scandir(self._directory)):
            old = "-" in entry.name and not entry.name.endswith(f"-{self._boot}")
            if old or entry.name.startswith(files.TEMPORARY):  # The latter of a run that was killed: we have the lock.
                self._remove(entry.name)
        name = f"{files.TEMPORARY}{os.urandom(8).hex()}"
        (self._directory / name).mkdir(mode=0o700)
        try:
            write_rootfs(image, self._directory / name, as_root=self._as_root, note=note)
            (self._directory / name).rename(path)
        except BaseException:
            self._remove(name)
            raise

    def _remove(self, name: str) -> None:
        parent = os.open(self._directory, os.O_RDONLY)
        try:
            tree.remove(parent, os.fsencode(name))
        finally:
            os.close(parent)


def _word(path: Path) -> str:
    try:
        return path.read_text("ascii").strip().replace("-", "")[:12] or "0"
    except (OSError, UnicodeDecodeError):
        return "0"


def chain_id(image: Image) -> Digest:
    """Return the digest that stands for all layers of *image* applied in order.

    https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
    """
    first, *rest = image.config.rootfs.diff_ids or (sha256(b""),)
    for diff_id in rest:
        first = sha256(f"{first} {diff_id}".encode())
    return first
