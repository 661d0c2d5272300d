"""What an ELF file asks of the loader: its dynamic section and symbol versions, read strictly and within bounds.

The reader sees what the loader sees, program headers and never section headers, which may be stripped or lie. It
takes tens of microseconds for a file and no loop in it runs longer than a limit below; the general readers that exist
follow a hostile file's links four billion times (`docs/elf.md`).

System V ABI, chapters 4 and 5, and the GNU symbol versioning of the Linux Standard Base.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Literal, NoReturn

import msgspec

from tare.errors import HostileInputError, IntegrityError

MAX_SEGMENTS: Final = 1024
"""Program headers. Real files have about ten; the kernel maps no more than fit in one page."""
MAX_DYNAMIC: Final = 1024 * 1024
"""Bytes of a dynamic section. The largest known has 10 kB."""
MAX_VERSIONS: Final = 16_384
"""Symbol versions, and libraries that they come from. `libc.so.6` defines about 50."""
MAX_STRING: Final = 4096
"""Bytes of a name; Linux's PATH_MAX."""
MAX_STRINGS: Final = 4 * 1024 * 1024
"""Bytes of all names that are taken from one file."""
MAX_SYMBOL_NAMES: Final = 256 * 1024 * 1024
"""Bytes of a string table that is searched for a module's init function. Torch's has 60 MB."""

_CHUNK: Final = 1024 * 1024
_NULL, _NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 0, 1, 5, 10, 14, 15, 29
_VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
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
    return _Reader(stream, path, stream.seek(0, 2) if size is None else size, identification).info()


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
    def __init__(self, stream: BinaryIO, path: str, size: int, identification: bytes) -> None:
        self._stream = stream
        self._path = path
        self._size = size
        self._names = 0
        classes, order = identification[4:5], identification[5:6]
        if classes not in {b"\1", b"\2"} or order not in {b"\1", b"\2"}:
            self._broken("its class or byte order is unknown")
        self._bits: Literal[32, 64] = 64 if classes == b"\2" else 32
        self._order = "<" if order == b"\1" else ">"
        self._segments: list[tuple[int, int, int, int]] = []
        self._strings = (0, 0)

    def info(self) -> ElfInfo:
        """Follow the numbers first and take the names then, in the order in which they lie: a stream may be inflated."""
        kind, machine, _, _, table, _, _, _, entry, count, *_ = self._unpack(
            "HHIQQQIHHHHHH" if self._bits == 64 else "HHIIIIIHHHHHH", 16
        )
        self._segments = self._read_segments(table, entry, count)
        interpreter = self._interpreter()
        tags = list(self._dynamic())
        values = self._values(tags)
        self._find_strings(values)
        requires = list(self._requires(values))
        provides = list(self._provides(values))
        names = self._take_names(
            value for tag, value in tags if tag in {_NEEDED, _SONAME, _RPATH, _RUNPATH}
        ) | self._take_names([*provides, *(index for library, versions in requires for index in (library, *versions))])
        needs: dict[str, set[str]] = {}
        for library, versions in requires:
            needs.setdefault(names[library], set()).update(names[version] for version in versions)
        return ElfInfo(
            architecture=_name_of(machine, self._bits, self._order),
            bits=self._bits,
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

    def _read_segments(self, table: int, entry: int, count: int) -> list[tuple[int, int, int, int]]:
        """Return type, offset, virtual address and size in the file of each segment."""
        form = "IIQQQQQQ" if self._bits == 64 else "IIIIIIII"
        size = struct.calcsize(self._order + form)
        if count > MAX_SEGMENTS:
            self._hostile(f"it has {count} program headers; the limit is {MAX_SEGMENTS}")
        if count and entry != size:
            self._broken(f"its program headers have {entry} bytes; expected {size}")
        data = self._at(table, size * count)
        found = []
        for fields in struct.iter_unpack(self._order + form, data):
            kind, offset, address, length = (
                (fields[0], fields[2], fields[3], fields[5]) if self._bits == 64 else (*fields[:3], fields[4])
            )
            found.append((kind, offset, address, length))
        return found

    def _dynamic(self) -> Iterator[tuple[int, int]]:
        """Yield tags and values. A file without the section, or with an empty one, asks for nothing."""
        sections = [(offset, length) for kind, offset, _, length in self._segments if kind == _PT_DYNAMIC]
        if len(sections) > 1:
            self._hostile("it has two dynamic sections")
        for offset, length in sections:
            if length > MAX_DYNAMIC:
                self._hostile(f"its dynamic section has {length} bytes; the limit is {MAX_DYNAMIC}")
            form = self._order + ("qQ" if self._bits == 64 else "iI")
            whole = length - length % struct.calcsize(form)
            for tag, value in struct.iter_unpack(form, self._at(offset, whole)):
                if tag == _NULL:
                    return
                yield tag, value

    def _interpreter(self) -> str | None:
        for kind, offset, _, length in self._segments:
            if kind == _PT_INTERP:
                if length > MAX_STRING:
                    self._hostile(f"its loader's path has {length} bytes; the limit is {MAX_STRING}")
                return _text(self._at(offset, length).partition(b"\0")[0])
        return None

    def _offset(self, address: int) -> tuple[int, int]:
        """Return where in the file a virtual address lies, and how many bytes follow it in its segment."""
        for kind, offset, start, length in self._segments:
            if kind == _PT_LOAD and start <= address < start + length:
                return offset + address - start, start + length - address
        return self._broken(f"no segment holds the address {address:#x}")

    def _values(self, tags: list[tuple[int, int]]) -> dict[int, int]:
        values: dict[int, int] = {}
        for tag, value in tags:
            if tag in {_STRTAB, _STRSZ, _VERNEED, _VERDEF} and values.get(tag, value) != value:
                self._hostile(f"its dynamic section has two values of tag {tag:#x}")
            values[tag] = value
        return values

    def _find_strings(self, values: dict[int, int]) -> None:
        if _STRTAB in values:
            offset, room = self._offset(values[_STRTAB])
            self._strings = offset, min(room, values.get(_STRSZ, 0))

    def _take_names(self, indexes: Iterable[int]) -> dict[int, str]:
        return {index: self._name(index) for index in sorted(set(indexes))}

    def _name(self, index: int) -> str:
        start, length = self._strings
        if index >= length:
            self._broken(f"a name lies at {index} of a string table of {length} bytes")
        data, end, _ = self._at(start + index, min(MAX_STRING + 1, length - index)).partition(b"\0")
        self._names += len(data)
        if not end or self._names > MAX_STRINGS:
            self._hostile("a name is longer than 4,096 bytes, or does not end, or there are too many")
        return _text(data)

    def _requires(self, values: dict[int, int]) -> Iterator[tuple[int, list[int]]]:
        """Follow the records of DT_VERNEED: one for each library, each with a chain of versions."""
        seen = 0
        for position, fields in self._chain(values, _VERNEED, _VERNEEDNUM, "HHIII", link=4):
            _, count, library, first, _ = fields
            seen += 1 + count
            if seen > MAX_VERSIONS:
                self._hostile(f"it needs more than {MAX_VERSIONS} symbol versions")
            names = []
            place = position + first
            for number in range(count):
                _, flags, _, name, link = self._unpack("IHHII", place)
                if not flags & _WEAK:
                    names.append(name)
                place = self._next(place, link, last=number == count - 1)
            yield library, names

    def _provides(self, values: dict[int, int]) -> Iterator[int]:
        """Follow the records of DT_VERDEF; the first name of each is the version itself."""
        for position, fields in self._chain(values, _VERDEF, _VERDEFNUM, "HHHHIII", link=6):
            _, flags, _, count, _, first, _ = fields
            if count and not flags & _BASE:
                yield self._unpack("II", position + first)[0]

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
        position, _ = self._offset(values[start])
        count = values.get(number, 0)
        if count > MAX_VERSIONS:
            self._hostile(f"it has {count} records of symbol versions; the limit is {MAX_VERSIONS}")
        for index in range(count):
            fields = self._unpack(form, position)
            yield position, fields
            position = self._next(position, fields[link], last=index == count - 1)

    def _next(self, position: int, link: int, *, last: bool) -> int:
        if not last and not link:
            self._hostile("a chain of symbol versions ends before its count, or runs in a circle")
        return position + link

    def _is_module(self) -> bool:
        """Whether the string table has the name of the init function (PEP 489), and so `import` finds one."""
        if not self._path.endswith(".so"):
            return False
        wanted = b"\0PyInit_" + module_name(self._path).encode("utf-8", "surrogateescape") + b"\0"
        start, length = self._strings
        length = min(length, MAX_SYMBOL_NAMES)
        tail = b""
        for offset in range(0, length, _CHUNK):
            data = tail + self._at(start + offset, min(_CHUNK, length - offset))
            if wanted in data:
                return True
            tail = data[-len(wanted) :]
        return False

    def _unpack(self, form: str, offset: int) -> tuple[int, ...]:
        return struct.unpack(self._order + form, self._at(offset, struct.calcsize(self._order + form)))

    def _at(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            self._broken(f"it has {self._size} bytes, and refers to {offset} to {offset + length}")
        self._stream.seek(offset)
        data = self._stream.read(length)
        if len(data) != length:
            self._broken(f"it ends {length - len(data)} bytes early")
        return data

    def _broken(self, problem: str) -> NoReturn:
        raise IntegrityError(f"`{self._path}` is not a sound ELF file", causes=(problem,))

    def _hostile(self, problem: str) -> NoReturn:
        raise HostileInputError(f"`{self._path}` is not a sound ELF file", causes=(problem,))


def _name_of(machine: int, bits: int, order: str) -> str:
    return _ARCHITECTURES.get((machine, bits, order), f"e_machine {machine}")


def _directories(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(":") if part)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
