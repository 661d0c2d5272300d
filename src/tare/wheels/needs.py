"""What the ELF files of a wheel need: worked out once for each wheel, and remembered by its digest."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

import msgspec

from tare.errors import IntegrityError
from tare.wheels import elf
from tare.wheels.archive import Archive
from tare.wheels.directory import Member
from tare.wheels.elf import ElfInfo
from tare.wheels.wheel import Wheel

FORMAT: Final = 1
"""Raised whenever the same wheel would give another `WheelElf`."""

_HELD: Final = 16 * 1024 * 1024
"""Bytes of a member that is inflated into memory; a larger one is inflated again for each step back."""

_TEXT: Final = re.compile(
    r"c|cc|cfg|cpp|css|csv|cu|cuh|f90|gif|h|hpp|html|ipynb|jpg|js|json|map|md|png|pxd|pxi|py|pyc|pyi|pyx|qml|rst|svg"
    r"|toml|ts|txt|typed|xml|yaml|yml"
)
"""Suffixes of files that are not looked at. No honest ELF file has them, and most files of a wheel do."""


class ElfFile(msgspec.Struct, frozen=True, kw_only=True):
    """One ELF file of a wheel."""

    path: str
    """In the wheel."""

    info: ElfInfo


class WheelElf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ELF files of one wheel, sorted by path."""

    distribution: str
    wheel: str
    """Its file name."""

    files: tuple[ElfFile, ...] = ()

    unreadable: tuple[str, ...] = ()
    """Files that begin like ELF and are not sound, but are no library by their name: test data, split debug symbols."""


def inspect(wheel: Wheel) -> WheelElf:
    """Read every ELF file of *wheel*. A library that is not a sound ELF file raises."""
    files, unreadable = [], []
    for member in wheel.archive.members:
        if not may_be_elf(member.name):
            continue
        try:
            info = _read(wheel.archive, member)
        except IntegrityError as error:
            if _is_library(member.name):
                raise IntegrityError(f"refusing {wheel.what}", causes=(error.message, *error.causes)) from None
            unreadable.append(member.name)
            continue
        if info is not None:
            files.append(ElfFile(path=member.name, info=info))
    return WheelElf(distribution=wheel.name, wheel=wheel.filename, files=tuple(files), unreadable=tuple(unreadable))


def may_be_elf(path: str) -> bool:
    """Whether a file of that name is worth a look.

    >>> may_be_elf("numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so")
    True
    >>> may_be_elf("numpy/__init__.py")
    False
    """
    name = path.rpartition("/")[2]
    return ".dist-info/" not in path and not _TEXT.fullmatch(name.rpartition(".")[2].lower())


def _is_library(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(".so") or ".so." in name


def _read(archive: Archive, member: Member) -> ElfInfo | None:
    first = next(_inflate(archive, member), b"")
    if not first.startswith(b"\x7fELF"):
        return None
    if member.size <= _HELD:
        return elf.read(io.BytesIO(archive.read(member)), path=member.name)
    from tare.wheels.seekable import Seekable

    stream = io.BufferedReader(Seekable(lambda: _inflate(archive, member), member.size))
    return elf.read(cast("BinaryIO", stream), path=member.name, size=member.size)


def _inflate(archive: Archive, member: Member) -> Iterator[bytes]:
    return archive.inflate(member)
