"""What a container sees: the mounts that are made for it, step by step, by its process 1.

The image is hostile here too: a `/proc` of its that is a symbolic link must not lead a mount astray. So every place to
mount over is found by `tree` inside of the root, opened, and named to the kernel by its descriptor.
"""

# No pathlib: it imports more when it is used, and nothing may be imported in the root of an image.
from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from tare.engines import linux
from tare.engines.tree import Tree

_DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS: Final = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}

_READ_ONLY: Final = ("bus", "fs", "irq", "sys", "sysrq-trigger")
"""Of `/proc`, what somebody whose number is 0 could change the machine with, without any capability."""

_HIDDEN: Final = ("kcore", "keys", "latency_stats", "timer_list", "acpi", "scsi")
"""Of `/proc`, what tells about the machine. Both lists are Docker's:
https://github.com/moby/moby/blob/master/oci/defaults.go"""

_PRIVATE: Final = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC

Step = tuple[str, Callable[[], None]]


def steps(spec: dict[str, Any]) -> Iterator[Step]:
    """Yield what is to be done, in order, with names for errors."""
    stage = spec["stage"]
    yield "root", lambda: _mount_root(spec)
    view = _View(f"{stage}/root", spec)
    yield "proc", view.proc
    yield "devices", view.devices
    for path in spec["tmpfs"]:
        yield f"tmpfs {path}", partial(view.tmpfs, path)
    for path, text in spec["files"].items():
        yield f"file {path}", partial(view.file, path, text)
    for source, target, read_only in spec["mounts"]:
        yield f"mount {target}", partial(view.bind, source, target, read_only=read_only)
    yield "workdir", lambda: view.directory(spec["workdir"])
    yield "root", view.enter
    yield "host name", lambda: linux.set_host_name(spec["host_name"])
    if not spec["network"]:
        yield "network", linux.loopback_up


def _mount_root(spec: dict[str, Any]) -> None:
    """Lay an overlay in memory over the root file system; where overlays are not allowed, show it as it is."""
    stage = spec["stage"]
    rootfs = os.open(spec["rootfs"], os.O_RDONLY | os.O_DIRECTORY)
    linux.mount("tmpfs", stage, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    for name in ("root", "upper", "work", "files"):
        os.mkdir(f"{stage}/{name}")
    os.chmod(f"{stage}/upper", stat.S_IMODE(os.fstat(rootfs).st_mode))
    # The descriptor, since a path could have a comma or a colon.
    options = f"lowerdir=/proc/self/fd/{rootfs},upperdir={stage}/upper,workdir={stage}/work"
    options += ",userxattr" if spec["user_namespace"] else ""
    try:
        linux.mount("overlay", f"{stage}/root", "overlay", linux.MS_NOSUID | linux.MS_NODEV, options)
    except OSError:
        if not spec["read_only"]:
            raise
        linux.mount(f"/proc/self/fd/{rootfs}", f"{stage}/root", None, linux.MS_BIND)
        linux.restrict(f"{stage}/root", linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV)
    os.close(rootfs)


class _View:
    """The container's root while it is mounted at *path*."""

    def __init__(self, path: str, spec: dict[str, Any]) -> None:
        self._path = path
        self._spec = spec
        self._root = -1
        self._files = 0

    def proc(self) -> None:
        self._root = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        with self._at("/proc") as place:
            try:
                linux.mount("proc", place, "proc", _PRIVATE)
            except OSError:
                # A user namespace in a container that hides parts of /proc may not mount another one.
                linux.mount("/proc", place, None, linux.MS_BIND | linux.MS_REC)
        for name in _READ_ONLY:
            self._guard(f"/proc/{name}", hidden=False)
        for name in _HIDDEN:
            self._guard(f"/proc/{name}", hidden=True)

    def devices(self) -> None:
        with self._at("/dev") as place:
            linux.mount("tmpfs", place, "tmpfs", linux.MS_NOSUID, "mode=755")
        for name in _DEVICES:
            if os.path.exists(f"/dev/{name}"):
                self._bind(f"/dev/{name}", f"/dev/{name}")
        self.tmpfs("/dev/shm")  # noqa: S108  # the container's
        directory, _ = self._tree().directory([b"dev"])
        for name, target in _LINKS.items():
            os.symlink(f"/proc/self/{target}", name, dir_fd=directory)
        os.close(directory)
        with self._at("/dev") as place:
            linux.restrict(place, linux.MS_RDONLY)

    def tmpfs(self, path: str) -> None:
        with self._at(path) as place:
            linux.mount("tmpfs", place, "tmpfs", _PRIVATE, "mode=1777")

    def file(self, path: str, text: str) -> None:
        """Show a file with *text* at *path*. An image without a place for it, under no overlay, goes without."""
        self._files += 1
        name = f"{self._spec['stage']}/files/{self._files}"
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(handle, text.encode())
        os.close(handle)
        with contextlib.suppress(OSError):
            self._bind(name, path)
            with self._at(path, directory=False) as place:
                linux.restrict(place, linux.MS_RDONLY)

    def bind(self, source: str, target: str, *, read_only: bool) -> None:
        self._bind(source, target)
        if read_only:
            with self._at(target, directory=os.path.isdir(source)) as place:
                linux.restrict(place, linux.MS_RDONLY)

    def directory(self, path: str) -> None:
        with self._at(path):
            pass

    def enter(self) -> None:
        """Make this the root of the process."""
        os.fchdir(self._root)
        os.close(self._root)
        if self._spec["read_only"]:
            linux.restrict(".", linux.MS_RDONLY)
        linux.pivot_root()

    def _bind(self, source: str, target: str) -> None:
        with self._at(target, directory=os.path.isdir(source)) as place:
            linux.mount(source, place, None, linux.MS_BIND | linux.MS_REC)

    def _guard(self, path: str, *, hidden: bool) -> None:
        """Make something of /proc read-only, or put nothing in its place, where it exists and that is allowed."""
        if not os.path.exists(path):
            return
        directory = os.path.isdir(path)
        with contextlib.suppress(OSError), self._at(path, directory=directory) as place:
            if hidden and directory:
                linux.mount("tmpfs", place, "tmpfs", _PRIVATE | linux.MS_RDONLY, "size=0")
            else:
                linux.mount("/dev/null" if hidden else place, place, None, linux.MS_BIND)
        if not hidden:
            with contextlib.suppress(OSError), self._at(path, directory=directory) as place:
                linux.restrict(place, linux.MS_RDONLY)

    def _tree(self) -> Tree:
        return Tree(self._root)

    @contextlib.contextmanager
    def _at(self, path: str, *, directory: bool = True) -> Iterator[str]:
        """Give a name for the place at *path* in the container, which is created if it is missing."""
        parts = [part for part in os.fsencode(path).split(b"/") if part]
        place = self._tree().directory(parts, create=True)[0] if directory else self._open_file(parts)
        try:
            yield f"/proc/self/fd/{place}"
        finally:
            os.close(place)

    def _open_file(self, parts: list[bytes]) -> int:
        parent, name = self._tree().locate(parts, create=True)
        try:
            with contextlib.suppress(FileExistsError):
                os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=parent))
            return os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
        finally:
            os.close(parent)
