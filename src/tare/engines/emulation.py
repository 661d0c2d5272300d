"""Images for other processors: whether the kernel runs their programs, and with what if it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tare.errors import MachineError
from tare.oci.platform import Platform

_BINFMT: Final = Path("/proc/sys/fs/binfmt_misc")
"""https://docs.kernel.org/admin-guide/binfmt-misc.html"""

_QEMU: Final = {
    "amd64": "x86_64",
    "386": "i386",
    "arm64": "aarch64",
    "arm": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loong64": "loongarch64",
}
"""What QEMU calls an architecture: https://www.qemu.org/docs/master/user/main.html"""

_NATIVE: Final = {("amd64", "386")}
"""Pairs of a machine and what it runs as well. arm on arm64 is not here: many servers' processors cannot."""


class Emulator:
    """Finds an emulator on this machine. *which* is `shutil.which`, or what a test has instead."""

    def __init__(self, *, machine: Platform, which: Callable[[str], str | None], binfmt: Path = _BINFMT) -> None:
        self._machine = machine
        self._which = which
        self._binfmt = binfmt

    def find(self, platform: Platform) -> str | None:
        """Return the path of the program that runs programs for *platform*; None when none is needed."""
        wanted = platform.architecture
        if wanted == self._machine.architecture or (self._machine.architecture, wanted) in _NATIVE:
            return None
        name = _QEMU.get(wanted)
        if name and self._is_registered(f"qemu-{name}"):
            return None
        for program in (f"qemu-{name}-static", f"qemu-{name}") if name else ():
            path = self._which(program)
            if path and _is_static(Path(path)):
                return path
        raise MachineError(
            f"this machine cannot run programs for {platform.normalized()}",
            causes=(f"it is {self._machine}, and there is no emulator `qemu-{name or wanted}-static` on PATH",),
            hints=("Install Debian's `qemu-user-static`, or what your system calls it",),
        )

    def _is_registered(self, name: str) -> bool:
        """Return whether the kernel starts the emulator itself, from outside of the container (flag `F`)."""
        try:
            lines = (self._binfmt / name).read_text().splitlines()
        except OSError:
            return False
        return "enabled" in lines and any(line.startswith("flags:") and "F" in line for line in lines)


def _is_static(path: Path) -> bool:
    """A dynamic program would look for its libraries in the image. Its loader's name stands in its first page."""
    with path.open("rb") as file:
        head = file.read(4096)
    return head.startswith(b"\x7fELF") and b"/ld-" not in head
