"""The system calls that Python has no words for, through the C library that runs this process.

https://man7.org/linux/man-pages/ has all of them. Everything is imported at the top: a process that stands in the root
of an image must not import, since it would find the image's modules.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from typing import Any, Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 0x1
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8
MS_REMOUNT: Final = 0x20
MS_NOATIME: Final = 0x400
MS_NODIRATIME: Final = 0x800
MS_BIND: Final = 0x1000
MS_MOVE: Final = 0x2000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MS_RELATIME: Final = 0x200000

MNT_DETACH: Final = 2

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_CAPBSET_DROP: Final = 24
PR_SET_SECUREBITS: Final = 28
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

SECURE_ALL: Final = 0b00111111
"""No root, no fix-ups of set-user-ID, no keeping of capabilities, and all of that locked."""

_CAPABILITY_VERSION_3: Final = 0x20080522

_LOCKED: Final = {
    getattr(os, "ST_RDONLY", 1): MS_RDONLY,
    getattr(os, "ST_NOSUID", 2): MS_NOSUID,
    getattr(os, "ST_NODEV", 4): MS_NODEV,
    getattr(os, "ST_NOEXEC", 8): MS_NOEXEC,
    getattr(os, "ST_NOATIME", 1024): MS_NOATIME,
    getattr(os, "ST_NODIRATIME", 2048): MS_NODIRATIME,
    getattr(os, "ST_RELATIME", 4096): MS_RELATIME,
}
"""Flags that a mount may have and that somebody in a user namespace must not take away when remounting it."""


def _libc() -> Any:  # noqa: ANN401  # ctypes has no better word
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    _check(_libc().unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """Mount a file system, or bind, move or remount what is there."""
    encoded = [text.encode("utf-8", "surrogateescape") if text else None for text in (source, target, kind, options)]
    _check(
        _libc().mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]), f"mount {kind} {target}"
    )


def bind(source: str, target: str, *, read_only: bool) -> None:
    """Show *source*, with what is mounted below it, at *target* too."""
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        restrict(target, MS_RDONLY)


def restrict(target: str, flags: int) -> None:
    """Add *flags* to the mount at *target*, and keep those that it has."""
    present = os.statvfs(target).f_flag
    kept = sum(flag for bit, flag in _LOCKED.items() if present & bit)
    mount(None, target, None, MS_REMOUNT | MS_BIND | flags | kept)


def pivot_root() -> None:
    """Make the current directory, which is a mount, the root, and let go of the old one."""
    if _libc().pivot_root(b".", b".") == 0:
        # The old root now lies over the new one.
        _check(_libc().umount2(b".", MNT_DETACH), "umount2")
    else:
        # The root of an initial RAM disk cannot be pivoted away; it can be covered.
        mount(".", "/", None, MS_MOVE)
        os.chroot(".")
    os.chdir("/")


def prctl(option: int, argument: int = 0, second: int = 0) -> None:
    """Change something about this process."""
    numbers = [ctypes.c_ulong(number) for number in (argument, second, 0, 0)]
    _check(_libc().prctl(option, *numbers), "prctl")


def ends_with(parent: int, number: int) -> None:
    """Let this process get the signal *number* when the thread of *parent* that started it is gone, however it ended."""
    if sys.platform != "linux":
        return
    prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # It was gone before it could be followed.
        os.kill(os.getpid(), number)


def drop_bounding_set() -> None:
    """Make sure that no program started from here on can gain a capability."""
    with contextlib.suppress(OSError):  # that there is no capability of the next number
        for capability in range(64):
            prctl(PR_CAPBSET_DROP, capability)
    prctl(PR_SET_SECUREBITS, SECURE_ALL)


def drop_capabilities() -> None:
    """Give up every capability that this process has."""
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check(_libc().capset(header, (ctypes.c_uint32 * 6)()), "capset")


def set_host_name(name: str) -> None:
    """Name this machine, as far as this namespace goes."""
    encoded = name.encode()
    _check(_libc().sethostname(encoded, len(encoded)), "sethostname")


def loopback_up() -> None:
    """Bring up the one interface of a fresh network namespace."""
    handle = _libc().socket(2, 2, 0)  # AF_INET, SOCK_DGRAM
    _check(handle, "socket")
    try:
        request = struct.pack("16sH22x", b"lo", 0x1)  # struct ifreq with IFF_UP
        _check(_libc().ioctl(handle, ctypes.c_ulong(0x8914), request), "ioctl SIOCSIFFLAGS")
    finally:
        os.close(handle)
