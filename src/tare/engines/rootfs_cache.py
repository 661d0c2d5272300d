"""Root file systems that were written once and are run from many times.

A directory per chain of layers. It appears by renaming when it is complete, and is never written to afterwards: a run
sees it read-only or under an overlay.

Thousands of files are not waited for until they are on the disk. Until the machine is started anew everybody sees them
whole; afterwards nobody knows, so what was written before is written again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tare.engines import tree
from tare.engines.rootfs import Note, write_rootfs
from tare.errors import MachineError
from tare.oci.digest import Digest, encoded, sha256
from tare.oci.image import Image
from tare.stores import files
from tare.stores.locking import exclusive, shared

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")

_LOCK: Final = "lock"

_USED: Final = ".used"
"""The suffix of an empty file beside a root file system: its time is when that was last used, and its lock by whom."""

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

    @contextlib.contextmanager
    def using(self, image: Image, note: Note) -> Iterator[Path]:
        """Give the directory with the root file system of *image*, and keep `prune` away from it meanwhile."""
        who = "root" if self._as_root else "user"
        path = self._directory / f"{encoded(chain_id(image))}-{who}-{self._boot}"
        with contextlib.ExitStack() as stack:
            try:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(shared(path.with_suffix(_USED)))
                os.utime(path.with_suffix(_USED))
                if not path.is_dir():
                    self._write_alone(image, path, note)
            except OSError as error:
                raise _cannot_write(self._directory, error) from None
            yield path

    def stage(self) -> Path:
        """Return the directory to mount over."""
        path = self._directory / _STAGE
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def usage(self) -> tuple[int, int]:
        """Return how many images lie here unpacked, and the bytes of their files."""
        images = [marker.with_suffix("") for marker in self._directory.glob(f"*{_USED}")]
        return len(images), sum(tree.size(path) for path in images)

    def prune(self, *, unused_since: float) -> int:
        """Remove what was last used before *unused_since* (seconds since 1970) and is not in use; return the bytes."""
        freed = 0
        try:
            with exclusive(self._directory / _LOCK):
                for marker in sorted(self._directory.glob(f"*{_USED}")):
                    if marker.stat().st_mtime < unused_since:
                        freed += self._remove_unused(marker)
        except FileNotFoundError:  # There is no cache at all.
            return 0
        except OSError as error:
            raise _cannot_write(self._directory, error) from None
        return freed

    def _remove_unused(self, marker: Path) -> int:
        with contextlib.suppress(BlockingIOError), exclusive(marker, wait=False):
            freed = tree.size(marker.with_suffix(""))
            self._remove(marker.stem)
            marker.unlink()
            return freed
        return 0

    def _write_alone(self, image: Image, path: Path, note: Note) -> None:
        with exclusive(self._directory / _LOCK):
            if not path.is_dir():
                self._remove_abandoned()
                self._write(image, path, note)

    def _remove_abandoned(self) -> None:
        """Remove what killed runs left, since we have the lock, and what is from before the machine was started."""
        for entry in list(os.scandir(self._directory)):
            old = "-" in entry.name and not entry.name.removesuffix(_USED).endswith(f"-{self._boot}")
            if old or entry.name.startswith(files.TEMPORARY):
                with contextlib.suppress(PermissionError):  # It is somebody else's.
                    self._remove(entry.name)

    def _write(self, image: Image, path: Path, note: Note) -> None:
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
            with contextlib.suppress(FileNotFoundError):
                tree.remove(parent, os.fsencode(name))
        finally:
            os.close(parent)


def _cannot_write(directory: Path, error: OSError) -> MachineError:
    return MachineError(f"cannot write to `{directory}`", causes=(error.strerror or str(error),))


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
