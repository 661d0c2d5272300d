"""What shared libraries need, as far as the beginnings of their files tell: for wheels that are not downloaded.

A deflate stream can only be read from its start, and the dynamic section stands near a file's end. But the names in it
stand near its start, in the string table after the symbols; so a short beginning gives the names of the libraries that
are needed. A file whose names were moved to its end (patchelf does that for auditwheel) keeps them secret; but the
hashes of the symbol versions that it needs stay where they were, and tell the compiler's own libraries, which are what
wheels may expect of a base (PEP 600). Such a file is counted as not read, and the build reads it.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from functools import cache
from typing import Final

import msgspec

from tare.errors import IntegrityError
from tare.wheels import elf
from tare.wheels.directory import Member
from tare.wheels.elf import ElfInfo
from tare.wheels.needs import ElfFile, WheelElf, may_be_elf
from tare.wheels.wheel import Wheel

FORMAT: Final = 4
"""Raised whenever the same wheel would give another `Heads`."""

_WHOLE: Final = 48 * 1024
"""Compressed bytes up to which a file is fetched whole."""
_HEADS: Final = (12 * 1024, 40 * 1024, 128 * 1024)
"""Compressed bytes of the beginning of a longer one: more when the names go on behind what was read."""
_SHARE: Final = 16
"""At most this part of a wheel is fetched for its libraries."""
_LEAST: Final = 64 * 1024

_VERSIONS: Final = {
    "libstdc++.so.6": (
        *(f"GLIBCXX_3.4{minor}" for minor in ("", *(f".{number}" for number in range(1, 35)))),
        *(f"CXXABI_1.3{minor}" for minor in ("", *(f".{number}" for number in range(1, 17)))),
    ),
    "libgcc_s.so.1": ("GCC_3.0", "GCC_3.3", "GCC_3.3.1", "GCC_3.4", "GCC_4.2.0", "GCC_4.3.0", "GCC_7.0.0"),
}
"""Versions of the compiler's libraries: `maint/` of libstdc++'s ABI documentation, and libgcc's version scripts."""

COMPILERS_OWN: Final = frozenset(_VERSIONS)

_table = re.compile(rb"\0(?:[\x20-\x7e]+\0){4,}")
"""Names that follow each other: a string table."""
_MARKS: Final = (b"\0__cxa_finalize\0", b"\0__gmon_start__\0", b"\0_ITM_deregisterTMCloneTable\0")
"""Symbols that compilers have in every library. Programs have names of libraries in other tables, to open them later."""
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
    budget = _Budget(max(size // _SHARE, _LEAST))
    files, unread, complete = [], [], True
    for member in sorted(_libraries(wheel), key=lambda member: (member.compressed, member.name)):
        whole = member.compressed <= _WHOLE and budget.take(member.compressed)
        info, known = _whole(wheel, member) if whole else _begun(wheel, member, budget)
        complete &= whole
        if not known:
            unread.append(member.name)
        if info.architecture:
            files.append(ElfFile(path=member.name, info=info))
    files += _there(
        wheel, sorted({*unread} - {file.path for file in files}), {file.info.architecture for file in files}
    )
    needs = WheelElf(
        distribution=wheel.name, wheel=wheel.filename, files=tuple(sorted(files, key=lambda file: file.path))
    )
    return Heads(needs=needs, unread=tuple(sorted(unread)), complete=complete and not unread)


class _Budget:
    """Bytes that may still be fetched of a wheel for its libraries."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, size: int) -> bool:
        """Whether *size* bytes may be fetched, which are then gone."""
        if size > self._left:
            return False
        self._left -= size
        return True


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
    return elf.architecture(wheel.archive.beginning(member, 512)[:20])


def _libraries(wheel: Wheel) -> Iterator[Member]:
    for member in wheel.archive.members:
        if _suffixes.search(member.name) and may_be_elf(member.name):
            yield member


def _whole(wheel: Wheel, member: Member) -> tuple[ElfInfo, bool]:
    try:
        found = elf.read(io.BytesIO(wheel.archive.read(member)), path=member.name)
    except IntegrityError:
        return ElfInfo(architecture=""), False
    return found if found is not None else ElfInfo(architecture=""), True


def _begun(wheel: Wheel, member: Member, budget: _Budget) -> tuple[ElfInfo, bool]:
    """Return what the beginning of a library tells, and whether that is all of its names."""
    own, data, before = member.name.rpartition("/")[2], b"", 0
    for length in _HEADS:
        if before >= member.compressed or not budget.take(length - before):
            break
        data, before = wheel.archive.beginning(member, length), length
        if data[:4] != b"\x7fELF":
            return ElfInfo(architecture=""), True
        names = needed_names(data, own=own)
        if names is not None:
            module = b"PyInit_" + elf.module_name(member.name).encode() in data
            needed = tuple(name for name in names if not _is_vendored(name, wheel))
            return ElfInfo(architecture=elf.architecture(data[:20]), needed=needed, module=module), True
    if not data:
        return ElfInfo(architecture=""), False
    needed = tuple(name for name in needed_versions(data) if not _is_vendored(name, wheel))
    return ElfInfo(architecture=elf.architecture(data[:20]), needed=needed, soname=own), False


def _is_vendored(name: str, wheel: Wheel) -> bool:
    """Whether the wheel has a copy of a library under auditwheel's name for it, which has a hash in it.

    The name from before may still stand in a file that was made to need the copy.
    """
    stem = re.escape(name.partition(".so")[0])
    return any(
        re.fullmatch(rf"{stem}-[0-9a-f]{{8}}\.so.*", member.name.rpartition("/")[2]) for member in wheel.archive.members
    )


def needed_versions(data: bytes) -> tuple[str, ...]:
    """Return the compiler's libraries of which the beginning of an ELF file needs a version.

    A record of a needed version begins with the hash of its name, at a multiple of four bytes.
    """
    order = "<" if data[5:6] == b"\1" else ">"
    words = set(struct.unpack_from(f"{order}{len(data) // 4}I", data))
    return tuple(name for name, hashes in _hashes().items() if hashes & words)


@cache
def _hashes() -> dict[str, frozenset[int]]:
    return {name: frozenset(map(version_hash, versions)) for name, versions in _VERSIONS.items()}


def version_hash(name: str) -> int:
    """Return the hash of a symbol version's name (System V ABI, chapter 5, "Hash Table").

    >>> hex(version_hash("GLIBC_2.2.5"))
    '0x9691a75'
    """
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high
    return value


def needed_names(data: bytes, *, own: str) -> tuple[str, ...] | None:
    """Return the libraries that the string table in *data*, the beginning of an ELF file, names.

    None if there is no whole table in it that names a library.
    """
    for match in _table.finditer(data):
        names = [name for name in match[0].split(b"\0") if _library.fullmatch(name)]
        if names and (any(name.startswith(b"libc.") for name in names) or any(mark in match[0] for mark in _MARKS)):
            if match.end() >= len(data):
                return None
            return tuple(dict.fromkeys(name.decode() for name in names if name.decode() != own))
    return None
