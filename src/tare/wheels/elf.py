"""What an ELF file asks of the loader: its dynamic section and symbol versions, read strictly and within bounds.

The reader sees what the loader sees, program headers and never section headers, which may be stripped or lie. It
takes tens of microseconds for a file and no loop in it runs longer than a limit below; the general readers that exist
follow a hostile file's links four billion times (`docs/elf.md`).

System V ABI, chapters 4 and 5, and the GNU symbol versioning of the Linux Standard Base.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

import msgspec

from tare.wheels.elf_bytes import MAX_STRING, ElfBytes, text

MAX_DYNAMIC: Final = 1024 * 1024
"""Bytes of a dynamic section. The largest known has 10 kB."""
MAX_VERSIONS: Final = 16_384
"""Symbol versions, and libraries that they come from. `libc.so.6` defines about 50."""

_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 10, 14, 15, 29
_VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_PT_DYNAMIC, _PT_INTERP = 2, 3
_BASE, _WEAK = 1, 2
"""Flags of a version: the file's own name, and one that the loader does not insist on."""

_ARCHITECTURES: Final = {
    (3, 32, "<"): "386",
    (20, 32, ">"): "ppc",
    (21, 64, "<"): "ppc64le",
    (21, 64, ">"): "ppc64",
    (22, 64, ">"): "s390x",
    (40, 32, "<"): "arm",
    (62, 64, "<"): "amd64",
    (62, 32, "<"): "amd64p32",
    (183, 64, "<"): "arm64",
    (243, 64, "<"): "riscv64",
    (258, 64, "<"): "loong64",
}
"""Go's names of `e_machine` with its class and byte order."""


class ElfInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the loader must find before the file can be used."""

    architecture: str
    """GOARCH, or `e_machine` with a number that has no name here."""

    bits: Literal[32, 64] = 64

    executable: bool = False
    """Whether it is a program: it names its loader, or has a fixed address."""

    needed: tuple[str, ...] = ()
    """The libraries (DT_NEEDED), in their order."""

    soname: str | None = None
    rpath: tuple[str, ...] = ()
    """Directories, as written. The loader takes them only without `runpath`, and then for the libraries' own needs too."""

    runpath: tuple[str, ...] = ()

    interpreter: str | None = None
    """The loader's path (PT_INTERP)."""

    requires: dict[str, tuple[str, ...]] = {}
    """Symbol versions that must be there, by library; weak ones are left out."""

    provides: tuple[str, ...] = ()
    """Symbol versions that the file defines."""

    module: bool = False
    """Whether it has an init function under its name, so that `import` takes it."""

    @property
    def libc(self) -> Literal["glibc", "musl"] | None:
        """The C library that it was linked with, or None if it needs none, or any."""
        for name in (*self.needed, (self.interpreter or "").rpartition("/")[2]):
            if name == "libc.so" or name.startswith(("libc.musl-", "ld-musl-")):
                return "musl"
            if name.startswith(("libc.so.", "ld-linux", "ld64.so.")):
                return "glibc"
        return None


def read(stream: BinaryIO, *, path: str, size: int | None = None) -> ElfInfo | None:
    """Return what the file in the seekable *stream* asks for, or None if it is no ELF file.

    *path* names it in errors and gives a module's name; *size* is its length where the stream cannot tell.
    """
    stream.seek(0)
    identification = stream.read(16)
    if identification[:4] != b"\x7fELF":
        return None
    return _Reader(ElfBytes(stream, path, stream.seek(0, 2) if size is None else size, identification)).info()


def architecture(head: bytes) -> str:
    """Return the architecture that an ELF file's first 20 bytes name, as in `ElfInfo`, or nothing if it is no ELF file."""
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return ""
    order = ">" if head[5] == 2 else "<"
    return _name_of(struct.unpack_from(order + "H", head, 18)[0], 64 if head[4] == 2 else 32, order)


def module_name(path: str) -> str:
    """Return the name under which a shared library would be imported.

    >>> module_name("cv2/cv2.abi3.so")
    'cv2'
    """
    return path.rpartition("/")[2].partition(".")[0]


class _Reader:
    """What one file asks for, taken from its bytes."""

    def __init__(self, file: ElfBytes) -> None:
        self._file = file

    def info(self) -> ElfInfo:
        """Follow the numbers first and take the names then, in the order in which they lie: a stream may be inflated."""
        kind, machine, _, _, table, _, _, _, entry, count, *_ = self._file.unpack(
            "HHIQQQIHHHHHH" if self._file.bits == 64 else "HHIIIIIHHHHHH", 16
        )
        self._file.read_segments(table, entry, count)
        interpreter = self._interpreter()
        tags = list(self._dynamic())
        values = self._values(tags)
        if _STRTAB in values:
            self._file.find_strings(values[_STRTAB], values.get(_STRSZ, 0))
        requires = list(self._requires(values))
        provides = list(self._provides(values))
        names = self._file.names(
            value for tag, value in tags if tag in {_NEEDED, _SONAME, _RPATH, _RUNPATH}
        ) | self._file.names([*provides, *(index for library, versions in requires for index in (library, *versions))])
        needs: dict[str, set[str]] = {}
        for library, versions in requires:
            needs.setdefault(names[library], set()).update(names[version] for version in versions)
        return ElfInfo(
            architecture=_name_of(machine, self._file.bits, self._file.order),
            bits=self._file.bits,
            executable=kind == 2 or interpreter is not None,
            needed=tuple(names[value] for tag, value in tags if tag == _NEEDED),
            soname=names[values[_SONAME]] if _SONAME in values else None,
            rpath=_directories(names.get(values.get(_RPATH, -1), "")),
            runpath=_directories(names.get(values.get(_RUNPATH, -1), "")),
            interpreter=interpreter,
            requires={library: tuple(sorted(versions)) for library, versions in needs.items()},
            provides=tuple(sorted({names[index] for index in provides})),
            module=self._is_module(),
        )

    def _dynamic(self) -> Iterator[tuple[int, int]]:
        """Yield tags and values. A file without the section, or with an empty one, asks for nothing."""
        sections = self._file.segments(_PT_DYNAMIC)
        if len(sections) > 1:
            self._file.hostile("it has two dynamic sections")
        for offset, length in sections:
            if length > MAX_DYNAMIC:
                self._file.hostile(f"its dynamic section has {length} bytes; the limit is {MAX_DYNAMIC}")
            form = self._file.order + ("qQ" if self._file.bits == 64 else "iI")
            whole = length - length % struct.calcsize(form)
            for tag, value in struct.iter_unpack(form, self._file.at(offset, whole)):
                if tag == _NULL:
                    return
                yield tag, value

    def _interpreter(self) -> str | None:
        for offset, length in self._file.segments(_PT_INTERP):
            if length > MAX_STRING:
                self._file.hostile(f"its loader's path has {length} bytes; the limit is {MAX_STRING}")
            return text(self._file.at(offset, length).partition(b"\0")[0])
        return None

    def _values(self, tags: list[tuple[int, int]]) -> dict[int, int]:
        values: dict[int, int] = {}
        for tag, value in tags:
            if tag in {_STRTAB, _STRSZ, _VERNEED, _VERDEF} and values.get(tag, value) != value:
                self._file.hostile(f"its dynamic section has two values of tag {tag:#x}")
            values[tag] = value
        return values

    def _requires(self, values: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
        """Follow the records of DT_VERNEED: one for each library, each with a chain of versions."""
        seen = 0
        for position, fields in self._chain(values, _VERNEED, _VERNEEDNUM, "HHIII", link=4):
            _, count, library, first, _ = fields
            seen += 1 + count
            if seen > MAX_VERSIONS:
                self._file.hostile(f"it needs more than {MAX_VERSIONS} symbol versions")
            names = []
            place = position + first
            for number in range(count):
                _, flags, _, name, link = self._file.unpack("IHHII", place)
                if not flags & _WEAK:
                    names.append(name)
                place = self._next(place, link, last=number == count - 1)
            yield library, names

    def _provides(self, values: dict[int, int]) -> Iterator[int]:
        """Follow the records of DT_VERDEF; the first name of each is the version itself."""
        for position, fields in self._chain(values, _VERDEF, _VERDEFNUM, "HHHHIII", link=6):
            _, flags, _, count, _, first, _ = fields
            if count and not flags & _BASE:
                yield self._file.unpack("II", position + first)[0]

    def _chain(
        self,
        values: dict[int, int],
        start: int,
        number: int,
        form: str,
        *,
        link: int,
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield position and fields of records that each say how far the next one is."""
        if start not in values:
            return
        position, _ = self._file.offset(values[start])
        count = values.get(number, 0)
        if count > MAX_VERSIONS:
            self._file.hostile(f"it has {count} records of symbol versions; the limit is {MAX_VERSIONS}")
        for index in range(count):
            fields = self._file.unpack(form, position)
            yield position, fields
            position = self._next(position, fields[link], last=index == count - 1)

    def _next(self, position: int, link: int, *, last: bool) -> int:
        if not last and not link:
            self._file.hostile("a chain of symbol versions ends before its count, or runs in a circle")
        return position + link

    def _is_module(self) -> bool:
        """Whether the string table has the name of the init function (PEP 489), and so `import` finds one."""
        path = self._file.path
        return path.endswith(".so") and self._file.has_string(
            b"PyInit_" + module_name(path).encode("utf-8", "surrogateescape")
        )


def _name_of(machine: int, bits: int, order: str) -> str:
    return _ARCHITECTURES.get((machine, bits, order), f"e_machine {machine}")


def _directories(paths: str) -> tuple[str, ...]:
    return tuple(part for part in paths.split(":") if part)
