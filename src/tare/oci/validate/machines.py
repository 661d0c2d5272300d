"""Executables: whether the ELF files of an image can run on the platform that its config names."""

from __future__ import annotations

import struct
from typing import Final

from tare.oci.validate.findings import Report, shown
from tare.oci.validate.platforms import ElfKind, table

HEADER: Final = 20
"""Bytes at the beginning of a file that say which machine it is for."""

_MOST: Final = 10_000
"""Foreign files that are remembered by name; more of them are only counted."""

_COMPATIBLE: Final = {"amd64": "386", "arm64": "arm"}
"""A machine that may also run the programs of another one."""


def machine_of(head: bytes) -> tuple[int, int, bool] | None:
    """Return machine, bits and whether the byte order is little-endian of an ELF file's *head*; None for others."""
    if len(head) < HEADER or not head.startswith(b"\x7fELF"):
        return None
    bits = {1: 32, 2: 64}.get(head[4])
    little = {1: True, 2: False}.get(head[5])
    if bits is None or little is None or head[16:18] not in {b"\2\0", b"\3\0", b"\0\2", b"\0\3"}:
        return None  # Only executables and shared objects say something: object files may be for anything.
    (machine,) = struct.unpack_from("<H" if little else ">H", head, 18)
    return machine, bits, little


class Machines:
    """Counts the executables of an image by whether they fit *architecture*."""

    def __init__(self, architecture: str) -> None:
        self._kinds = {(kind.machine, kind.bits, kind.little): kind for kind in table().elf}
        self._architecture = architecture
        self._fit = 0
        self._count = 0
        self._foreign: dict[bytes, str] = {}

    def see(self, path: bytes, head: bytes, *, executable: bool) -> None:
        """Note the file *path*, which replaces what an earlier layer had there."""
        self._foreign.pop(path, None)
        if not head.startswith(b"\x7fELF"):
            return
        found = machine_of(head)
        if found is None or not (executable or b".so" in path):
            return
        kind = self._kinds.get(found)
        if self._fits(kind, found):
            self._fit += 1
            return
        self._count += 1
        if len(self._foreign) < _MOST:
            self._foreign[path] = kind.architecture if kind else f"ELF machine {found[0]}"

    def foreign(self, path: bytes) -> str | None:
        """Return the architecture of the file *path* if it is another one than the image's."""
        return self._foreign.get(path)

    def conclude(self, where: str, report: Report) -> None:
        """Tell what the files say together: some foreign ones among others are data; nothing but foreign ones is not."""
        if not self._foreign:
            return
        path, architecture = next(iter(self._foreign.items()))
        example = f"`{shown(path)}` is for {architecture}"
        if self._fit:
            message = f"expected {self._architecture} alone, found {self._count} others beside {self._fit}: {example}"
            report.add("P007", where, message)
        else:
            report.add(
                "P006", where, f"expected {self._architecture}, found none of it, but {self._count} others: {example}"
            )

    def _fits(self, kind: ElfKind | None, found: tuple[int, int, bool]) -> bool:
        if self._architecture not in {known.architecture for known in self._kinds.values()}:
            return True  # An architecture that we know no machine of.
        if self._architecture == "amd64" and found[0] == 62:
            return True  # x32 programs are 32 bits of the same machine.
        names = {self._architecture, _COMPATIBLE.get(self._architecture)}
        return kind is not None and kind.architecture in names
