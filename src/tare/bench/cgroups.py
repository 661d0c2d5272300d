"""A control group for one sample, of either version: what the kernel counts of everything that runs in it.

https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/index.html
Peaks have to be counted by the kernel: `docker stats` looks once a second, and takes away what it thinks is cache.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final, Literal

from tare.bench.result import Counters

V1: Final = ("cpu", "cpuacct", "memory", "blkio")
"""Controllers of version 1 that are of use; each may have a hierarchy of its own, or share one."""


def version(root: Path = Path("/sys/fs/cgroup")) -> Literal["v1", "v2", "none"]:
    """Return which version's controllers are mounted at *root*."""
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "v1" if (root / "memory" / "memory.limit_in_bytes").exists() else "none"


PREFIX: Final = "tare-bench-"
"""How names of groups begin; the number of the process that made the group follows."""


def sweep(root: Path = Path("/sys/fs/cgroup")) -> None:
    """Remove groups whose maker was killed. One that still has a process in it stays."""
    for name in {path.name for pattern in ("", "*/") for path in root.glob(f"{pattern}{PREFIX}*")}:
        maker = name.removeprefix(PREFIX).partition("-")[0]
        if maker.isdigit() and not Path("/proc", maker).exists():
            Group(name, root=root).remove()


class Group:
    """A group called *name*, below the root of every hierarchy."""

    def __init__(self, name: str, *, root: Path = Path("/sys/fs/cgroup")) -> None:
        self.name = name
        self._root = root
        self.version = version(root)

    @property
    def directories(self) -> tuple[Path, ...]:
        if self.version == "v2":
            return (self._root / self.name,)
        found = {(self._root / each).resolve() / self.name: None for each in V1 if (self._root / each).is_dir()}
        return tuple(found)

    def create(self) -> bool:
        """Make the group, and return whether that was possible: it takes root, or a group that was delegated."""
        if self.version == "none":
            return False
        try:
            if self.version == "v2":
                with contextlib.suppress(OSError):
                    (self._root / "cgroup.subtree_control").write_text("+cpu +memory +io", encoding="ascii")
            for directory in self.directories:
                directory.mkdir(exist_ok=True)
        except OSError:
            self.remove()
            return False
        return True

    def enter(self) -> None:
        """Move this process into the group."""
        for directory in self.directories:
            (directory / "cgroup.procs").write_text(f"{os.getpid()}\n", encoding="ascii")

    def read(self) -> Counters:
        """Return what was counted so far."""
        return self._read_v2() if self.version == "v2" else self._read_v1()

    def remove(self) -> None:
        """Remove the group, and what an engine left below it; Docker makes it in every hierarchy of version 1."""
        for directory in dict.fromkeys((*self.directories, *self._root.glob(f"*/{self.name}"))):
            for path in sorted(directory.glob("*/"), reverse=True):
                with contextlib.suppress(OSError):
                    path.rmdir()
            with contextlib.suppress(OSError):
                directory.rmdir()

    def _read_v1(self) -> Counters:
        usage = _number(self._file("cpuacct", "cpuacct.usage"))
        throttled = _fields(self._file("cpu", "cpu.stat")).get("throttled_time")
        read, written = _v1_io(self._file("blkio", "blkio.throttle.io_service_bytes_recursive")) or (None, None)
        return Counters(
            cpu_seconds=None if usage is None else usage / 1e9,
            memory_peak=_number(self._file("memory", "memory.max_usage_in_bytes")),
            throttled_seconds=None if throttled is None else throttled / 1e9,
            read_bytes=read,
            written_bytes=written,
        )

    def _read_v2(self) -> Counters:
        cpu = _fields(self._file("", "cpu.stat"))
        totals = _v2_io(self._file("", "io.stat"))
        usage, throttled = cpu.get("usage_usec"), cpu.get("throttled_usec")
        return Counters(
            cpu_seconds=None if usage is None else usage / 1e6,
            memory_peak=_number(self._file("", "memory.peak")),
            throttled_seconds=None if throttled is None else throttled / 1e6,
            read_bytes=totals.get("rbytes"),
            written_bytes=totals.get("wbytes"),
        )

    def _file(self, controller: str, name: str) -> str:
        try:
            return (self._root / controller / self.name / name).read_text("ascii")
        except OSError:
            return ""


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() else None


def _fields(text: str) -> dict[str, int]:
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _v1_io(text: str) -> tuple[int, int] | None:
    """Return bytes read and written, summed over devices: lines such as `8:0 Read 4096`."""
    if not text:
        return None
    rows = [line.split() for line in text.splitlines()]
    sums = {
        kind: sum(int(row[2]) for row in rows if len(row) == 3 and row[1] == kind and row[2].isdigit())
        for kind in ("Read", "Write")
    }
    return sums["Read"], sums["Write"]


def _v2_io(text: str) -> dict[str, int]:
    """Return sums over devices: lines such as `8:0 rbytes=4096 wbytes=0 rios=1 …`."""
    sums: dict[str, int] = {}
    for line in text.splitlines():
        for name, _, value in (word.partition("=") for word in line.split()[1:]):
            if value.isdigit():
                sums[name] = sums.get(name, 0) + int(value)
    return sums
