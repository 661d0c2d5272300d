"""What is taken from the content of a base's files while its layers stream by: a few files, and little of each."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Final

import msgspec

from tare.errors import HostileInputError, IntegrityError
from tare.oci.tar import TarReader
from tare.wheels import elf
from tare.wheels.elf import ElfInfo

MAX_TEXT: Final = 1024 * 1024
"""Bytes of a text that is kept. The largest, `_sysconfigdata`, has 60 kB."""
MAX_BINARY: Final = 48 * 1024 * 1024
"""Bytes from the start of an interpreter that are looked at. What is loaded lies first; debug information follows."""
MAX_LIBRARY: Final = 8 * 1024 * 1024
"""The same for any other library."""

MAX_KEPT: Final = 64 * 1024 * 1024
"""Bytes of all clues together, about. A full image of a distribution has 2 MB of them."""

_TEXTS: Final = re.compile(
    r"etc/passwd|etc/group|etc/os-release|usr/lib/os-release|etc/ld\.so\.conf(\.d/[^/]+\.conf)?|etc/ld-musl-[^/]+\.path"
    r"|(.*/)?include/python3[^/]*/patchlevel\.h|(.*/)?_sysconfigdata_[^/]*\.py|(.*/)?pyvenv\.cfg"
)
_INTERPRETER: Final = re.compile(r"(.*/)?(bin/python[\d.]*t?|lib[^/]*/libpython3[^/]*\.so[^/]*)")
_LIBC: Final = re.compile(r"(.*/)?(libc\.so\.6|libc-2\.[0-9]+\.so|ld-musl-[^/]*\.so\.1|libc\.musl-[^/]*\.so\.1)")
_DIRECTORIES: Final = frozenset({"lib", "lib32", "lib64", "libx32"})
"""What a directory of libraries is called, unless it has a triplet's name."""

_GLIBC: Final = re.compile(rb"GNU C Library [^\0\n]{0,200}? release version (\d{1,2}\.\d{1,3})")
_MUSL: Final = re.compile(rb"\0(1\.\d{1,2}\.\d{1,3})[^\0]{0,40}\0")
_PYTHON: Final = re.compile(rb"3\.\d{1,2}\.\d{1,2}(?:(?:a|b|rc)\d{1,2})?\+?\0")
_PART_OF_MORE: Final = frozenset(b"%d" % digit for digit in range(10)) | {b".", b"_"}


class Clue(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file's content."""

    text: str = ""
    """All of it, for the few texts that are read later."""

    architecture: str = ""
    """Of an ELF file; empty for others."""

    elf: ElfInfo | None = None
    """What the loader needs to know, where the file was small enough or the answer near its start."""

    versions: tuple[str, ...] = ()
    """Versions that it has as whole strings: of CPython in interpreters, of itself in a C library."""


class Clues:
    """Takes clues from the files of one image, and holds no more than `MAX_KEPT` of them."""

    def __init__(self) -> None:
        self._left = MAX_KEPT

    def take(self, path: str, reader: TarReader, size: int) -> Clue | None:
        """Return the clue of the file at *path*, or None for the many that have none."""
        clue = _take(path, reader, size)
        if clue is not None:
            self._left -= _weight(clue)
            if self._left < 0:
                raise HostileInputError(f"a base's libraries and texts have more than {MAX_KEPT} bytes to remember")
        return clue


def _weight(clue: Clue) -> int:
    names = 0
    if clue.elf is not None:
        lists = (clue.elf.needed, clue.elf.provides, clue.elf.rpath, clue.elf.runpath, *clue.elf.requires.values())
        names = sum(len(name) + 50 for names in lists for name in names)
    return 500 + len(clue.text) + names


def _take(path: str, reader: TarReader, size: int) -> Clue | None:
    if size <= MAX_TEXT and _TEXTS.fullmatch(path):
        return Clue(text=reader.read().decode("utf-8", "replace"))
    if ".so" in path or "bin/python" in path:
        return _take_binary(path, reader, size)
    return None


def _take_binary(path: str, reader: TarReader, size: int) -> Clue | None:
    find: Callable[[bytes], tuple[str, ...]] | None = None
    limit = MAX_LIBRARY
    if _INTERPRETER.fullmatch(path):
        find, limit = _python_versions, MAX_BINARY
    elif _LIBC.fullmatch(path):
        find = _libc_versions
    elif not _is_library(path):
        return None
    data = reader.read(limit)
    if data[:4] != b"\x7fELF":
        return None
    info = _elf(path, data, size)
    architecture = info.architecture if info is not None else elf.architecture(data[:64])
    return Clue(architecture=architecture, elf=info, versions=find(data) if find else ())


def _is_library(path: str) -> bool:
    directory, _, name = path.rpartition("/")
    parent = directory.rpartition("/")[2]
    return (parent in _DIRECTORIES or "-linux-" in parent) and (name.endswith(".so") or ".so." in name)


def _elf(path: str, data: bytes, size: int) -> ElfInfo | None:
    """Read what there is. A base's file that is no sound ELF file is not what a base is refused for."""
    try:
        return elf.read(io.BytesIO(data), path=path, size=min(size, len(data)))
    except IntegrityError:
        return None


def _python_versions(data: bytes) -> tuple[str, ...]:
    # What stands before is looked at here: a pattern that begins with it takes sixty times as long.
    found = (match for match in _PYTHON.finditer(data) if data[match.start() - 1 : match.start()] not in _PART_OF_MORE)
    return tuple(sorted({match[0][:-1].decode() for match in found}))


def _libc_versions(data: bytes) -> tuple[str, ...]:
    banner = _GLIBC.search(data)
    if banner is not None:
        return ("glibc " + banner[1].decode(),)
    if b"musl libc" in data:
        return tuple(sorted({"musl " + match.decode() for match in _MUSL.findall(data)}))
    return ()
