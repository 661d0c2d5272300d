"""What shared libraries need, as far as the beginnings of their files tell: for wheels that are not downloaded.

A deflate stream can only be read from its start, and the dynamic section stands near a file's end. But the names in it
stand near its start, in the string table after the symbols; so a short beginning gives the names of the libraries that
are needed. A file whose tables were moved to its end (patchelf does that for auditwheel) keeps its secret: it is
counted as not read, and the build reads it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.errors import IntegrityError
from tare.wheels import elf
from tare.wheels.archive import Member
from tare.wheels.elf import ElfInfo
from tare.wheels.needs import ElfFile, WheelElf, may_be_elf
from tare.wheels.wheel import Wheel

FORMAT: Final = 1
"""Raised whenever the same wheel would give another `Heads`."""

_WHOLE: Final = 48 * 1024
"""Compressed bytes up to which a file is fetched whole."""
_HEAD: Final = 12 * 1024
"""Compressed bytes of the beginning of a longer one."""
_SHARE: Final = 16
"""At most this part of a wheel is fetched for its libraries."""
_LEAST: Final = 64 * 1024

_table = re.compile(rb"\0(?:[\x20-\x7e]+\0){4,}")
"""Names that follow each other: a string table."""
_library = re.compile(rb"[\w.+-]+\.so(?:\.[\w.]+)*")
_suffixes = re.compile(r"\.so(?:\.[0-9.]+)?$")


class Heads(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the ELF files of a wheel need, as far as that could be read."""

    needs: WheelElf

    unread: tuple[str, ...] = ()
    """Files that nothing is known of."""

    complete: bool = False
    """Whether every file was read whole, as a build does."""


def inspect_heads(wheel: Wheel, size: int) -> Heads:
    """Read the beginnings of the libraries of *wheel*, whose file has *size* bytes."""
    left = max(size // _SHARE, _LEAST)
    files, unread, complete = [], [], True
    for member in sorted(_libraries(wheel), key=lambda member: (member.compressed, member.name)):
        wanted = member.compressed if member.compressed <= _WHOLE else _HEAD
        if wanted > left:
            unread.append(member.name)
            continue
        left -= wanted
        info = _whole(wheel, member) if wanted == member.compressed else _begun(wheel, member)
        complete &= wanted == member.compressed
        if info is None:
            unread.append(member.name)
        elif info.architecture:
            files.append(ElfFile(path=member.name, info=info))
    files += _there(wheel, unread, {file.info.architecture for file in files})
    needs = WheelElf(
        distribution=wheel.name, wheel=wheel.filename, files=tuple(sorted(files, key=lambda file: file.path))
    )
    return Heads(needs=needs, unread=tuple(sorted(unread)), complete=complete and not unread)


def _there(wheel: Wheel, unread: list[str], known: set[str]) -> list[ElfFile]:
    """Return files of which only that they are there is known: others of the wheel may need them."""
    members = {member.name: member for member in wheel.archive.members}
    found = []
    for name in unread:
        machine = next(iter(known)) if len(known) == 1 else _machine(wheel, members[name])
        if machine:
            found.append(ElfFile(path=name, info=ElfInfo(architecture=machine, soname=name.rpartition("/")[2])))
    return found


def _machine(wheel: Wheel, member: Member) -> str:
    return elf.architecture(b"".join(wheel.archive.beginning(member, 512))[:20])


def _libraries(wheel: Wheel) -> Iterator[Member]:
    for member in wheel.archive.members:
        if _suffixes.search(member.name) and may_be_elf(member.name):
            yield member


def _whole(wheel: Wheel, member: Member) -> ElfInfo | None:
    try:
        found = elf.read(io.BytesIO(wheel.archive.read(member)), path=member.name)
    except IntegrityError:
        return None
    return found if found is not None else ElfInfo(architecture="")


def _begun(wheel: Wheel, member: Member) -> ElfInfo | None:
    """Return what the beginning of a library tells; None if it does not reach to the end of its names."""
    data = bytearray()
    for piece in wheel.archive.beginning(member, _HEAD):
        data += piece
    if data[:4] != b"\x7fELF":
        return ElfInfo(architecture="")
    names = needed_names(bytes(data), own=member.name.rpartition("/")[2])
    if names is None:
        return None
    stem = elf.module_name(member.name).encode()
    return ElfInfo(architecture=elf.architecture(bytes(data[:20])), needed=names, module=b"PyInit_" + stem in data)


def needed_names(data: bytes, *, own: str) -> tuple[str, ...] | None:
    """Return the libraries that the string table in *data*, the beginning of an ELF file, names.

    None if there is no whole table in it that names a library.
    """
    for match in _table.finditer(data):
        names = [name for name in match[0].split(b"\0") if _library.fullmatch(name)]
        if names:
            if match.end() >= len(data):
                return None
            return tuple(dict.fromkeys(name.decode() for name in names if name.decode() != own))
    return None
