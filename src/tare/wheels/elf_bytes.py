"""The bytes of an ELF file, read strictly and within bounds: numbers, segments, addresses and strings."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO, Final, Literal, NoReturn

from tare.errors import HostileInputError, IntegrityError

MAX_SEGMENTS: Final = 1024
"""Program headers. Real files have about ten; the kernel maps no more than fit in one page."""
MAX_STRING: Final = 4096
"""Bytes of a name; Linux's PATH_MAX."""
MAX_STRINGS: Final = 4 * 1024 * 1024
"""Bytes of all names that are taken from one file."""
MAX_SYMBOL_NAMES: Final = 256 * 1024 * 1024
"""Bytes of a string table that is searched for a module's init function. Torch's has 60 MB."""

CHUNK: Final = 1024 * 1024
_PT_LOAD = 1


class ElfBytes:
    """A file of which everything that is asked for has to be there."""

    def __init__(self, stream: BinaryIO, path: str, size: int, identification: bytes) -> None:
        self._stream = stream
        self.path = path
        self._size = size
        self._taken = 0
        """Bytes of names."""
        classes, order = identification[4:5], identification[5:6]
        if classes not in {b"\1", b"\2"} or order not in {b"\1", b"\2"}:
            self.broken("its class or byte order is unknown")
        self.bits: Literal[32, 64] = 64 if classes == b"\2" else 32
        self.order = "<" if order == b"\1" else ">"
        self._segments: list[tuple[int, int, int, int]] = []
        self._strings = (0, 0)

    def read_segments(self, table: int, entry: int, count: int) -> None:
        """Take in type, offset, virtual address and size in the file of each segment."""
        form = "IIQQQQQQ" if self.bits == 64 else "IIIIIIII"
        size = struct.calcsize(self.order + form)
        if count > MAX_SEGMENTS:
            self.hostile(f"it has {count} program headers; the limit is {MAX_SEGMENTS}")
        if count and entry != size:
            self.broken(f"its program headers have {entry} bytes; expected {size}")
        data = self.at(table, size * count)
        for fields in struct.iter_unpack(self.order + form, data):
            kind, offset, address, length = (
                (fields[0], fields[2], fields[3], fields[5]) if self.bits == 64 else (*fields[:3], fields[4])
            )
            self._segments.append((kind, offset, address, length))

    def segments(self, kind: int) -> list[tuple[int, int]]:
        """Return offset and size in the file of the segments of one kind."""
        return [(offset, length) for each, offset, _, length in self._segments if each == kind]

    def offset(self, address: int) -> tuple[int, int]:
        """Return where in the file a virtual address lies, and how many bytes follow it in its segment."""
        for kind, offset, start, length in self._segments:
            if kind == _PT_LOAD and start <= address < start + length:
                return offset + address - start, start + length - address
        return self.broken(f"no segment holds the address {address:#x}")

    def find_strings(self, address: int, size: int) -> None:
        """Say where the string table lies, and how large it says that it is."""
        offset, room = self.offset(address)
        self._strings = offset, min(room, size)

    def names(self, indexes: Iterable[int]) -> dict[int, str]:
        """Return strings by their place in the table, read in the order in which they lie."""
        return {index: self._name(index) for index in sorted(set(indexes))}

    def _name(self, index: int) -> str:
        start, length = self._strings
        if index >= length:
            self.broken(f"a name lies at {index} of a string table of {length} bytes")
        data, end, _ = self.at(start + index, min(MAX_STRING + 1, length - index)).partition(b"\0")
        self._taken += len(data)
        if not end or self._taken > MAX_STRINGS:
            self.hostile("a name is longer than 4,096 bytes, or does not end, or there are too many")
        return text(data)

    def has_string(self, wanted: bytes) -> bool:
        """Tell whether the string table has *wanted* as a whole string."""
        wanted = b"\0" + wanted + b"\0"
        start, length = self._strings
        length = min(length, MAX_SYMBOL_NAMES)
        tail = b""
        for offset in range(0, length, CHUNK):
            data = tail + self.at(start + offset, min(CHUNK, length - offset))
            if wanted in data:
                return True
            tail = data[-len(wanted) :]
        return False

    def unpack(self, form: str, offset: int) -> tuple[int, ...]:
        """Return the numbers at *offset*, which have the form that `struct` calls *form*."""
        return struct.unpack(self.order + form, self.at(offset, struct.calcsize(self.order + form)))

    def at(self, offset: int, length: int) -> bytes:
        """Return *length* bytes at *offset*, all of which are there."""
        if offset + length > self._size:
            self.broken(f"it has {self._size} bytes, and refers to {offset} to {offset + length}")
        self._stream.seek(offset)
        data = self._stream.read(length)
        if len(data) != length:
            self.broken(f"it ends {length - len(data)} bytes early")
        return data

    def broken(self, problem: str) -> NoReturn:
        """Raise the error of a file that is damaged."""
        raise IntegrityError(f"`{self.path}` is not a sound ELF file", causes=(problem,))

    def hostile(self, problem: str) -> NoReturn:
        """Raise the error of a file that asks for more than any honest one."""
        raise HostileInputError(f"`{self.path}` is not a sound ELF file", causes=(problem,))


def text(data: bytes) -> str:
    """Return a name as text, whatever its bytes."""
    return data.decode("utf-8", "backslashreplace")
