"""ELF files without the sections that only debuggers and linkers read.

Nothing that the loader maps is moved: the file is cut after the last byte that a program header or an allocated section
names, and gets a new table of sections. A file that patchelf or auditwheel has rewritten has such bytes at its very end,
so that nothing is cut there; `strip` breaks those (https://github.com/pypa/auditwheel/issues/716).

System V ABI, chapter 4.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import msgspec

MAX_CUT: Final = 64 * 1024 * 1024
"""Bytes of a file that is looked at: it is held as a whole."""

_WORTH: Final = 4096
"""Bytes from which a cut is worth a change."""

_ALLOCATED: Final = 2
_NOBITS: Final = 8
_DROPPED: Final = (".symtab", ".strtab", ".debug_", ".zdebug_", ".gnu.debuglto_", ".stab", ".line")
"""Names, and beginnings of names, of sections that go. Others stay, whoever put them there."""


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """What a file becomes: a new beginning, the bytes up to *keep* as they were, and a new end."""

    head: bytes
    keep: int
    tail: bytes

    @property
    def size(self) -> int:
        """Bytes afterwards."""
        return self.keep + len(self.tail)

    def apply(self, data: bytes) -> bytes:
        """Return the file that *data* becomes."""
        return self.head + data[len(self.head) : self.keep] + self.tail


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


class _Layout(NamedTuple):
    """How the headers of a class and byte order are packed."""

    header: struct.Struct
    program: struct.Struct
    section: struct.Struct
    offset_at: int
    """Which field of a program header is its offset; its size in the file is three further on."""


def cut(data: bytes) -> Cut | None:
    """Return how the ELF file *data* is shortened, or None where nothing can go or anything is unusual.

    >>> cut(b"#!/bin/sh") is None
    True
    """
    try:
        return _cut(data)
    except (struct.error, LookupError, ValueError, OverflowError):  # what is no sound ELF file is left alone
        return None


def _cut(data: bytes) -> Cut | None:
    if data[:4] != b"\x7fELF" or len(data) > MAX_CUT:
        return None
    layout = _layout(data)
    header = layout.header.unpack_from(data)
    _, kind, *_, program_at, section_at, _, size, program_size, programs, section_size, count, names_at = header
    if kind not in {2, 3} or not count or section_size != layout.section.size or names_at >= count:
        return None
    sections = [
        _Section(*layout.section.unpack_from(data, section_at + number * section_size)) for number in range(count)
    ]
    if _end(sections, section_at + count * section_size) < len(data):  # something was appended to the file
        return None
    programs_at = range(program_at, program_at + programs * program_size, layout.program.size)
    keep = max(size, program_at + programs * program_size, *_mapped(data, layout, sections, programs_at))
    names = _names(data, sections[names_at], sections)
    going = {number for number, name in enumerate(names) if _goes(sections[number], name)}
    if (
        keep > len(data)
        or not going
        or any(number > min(going) for number, each in enumerate(sections) if each.flags & _ALLOCATED)
    ):
        return None
    tail = _tail(data, layout, sections, going, keep)
    if tail is None or keep + len(tail[0]) + _WORTH > len(data):
        return None
    end, table = tail
    left = [number for number in range(count) if number not in going]
    head = layout.header.pack(*header[:6], keep + table, *header[7:11], section_size, len(left), left.index(names_at))
    return Cut(head=head, keep=keep, tail=end)


def _layout(data: bytes) -> _Layout:
    order = {1: "<", 2: ">"}[data[5]]
    if data[4] == 2:
        return _Layout(
            struct.Struct(order + "16sHHIQQQIHHHHHH"), struct.Struct(order + "IIQQQQQQ"),
            struct.Struct(order + "IIQQQQIIQQ"), 2,
        )  # fmt: skip
    return _Layout(
        struct.Struct(order + "16sHHIIIIIHHHHHH"), struct.Struct(order + "IIIIIIII"),
        struct.Struct(order + "IIIIIIIIII"), 1,
    )  # fmt: skip


def _end(sections: list[_Section], table: int) -> int:
    return max([table, *(each.offset + each.size for each in sections if each.type != _NOBITS)])


def _mapped(data: bytes, layout: _Layout, sections: list[_Section], programs: range) -> list[int]:
    """Return where the pieces end that the loader may look at."""
    ends = [0]
    for position in programs:
        fields = layout.program.unpack_from(data, position)
        ends.append(fields[layout.offset_at] + fields[layout.offset_at + 3])
    return ends + [each.offset + each.size for each in sections if each.flags & _ALLOCATED and each.type != _NOBITS]


def _names(data: bytes, table: _Section, sections: list[_Section]) -> list[str]:
    text = data[table.offset : table.offset + table.size]
    return [text[each.name : text.index(b"\0", each.name)].decode("ascii") for each in sections]


def _goes(section: _Section, name: str) -> bool:
    return not section.flags & _ALLOCATED and section.type != 0 and name.startswith(_DROPPED)


def _tail(
    data: bytes, layout: _Layout, sections: list[_Section], going: set[int], keep: int
) -> tuple[bytes, int] | None:
    """Return the bytes after *keep*, and where in them the table of sections is."""
    numbers = {old: new for new, old in enumerate(n for n in range(len(sections)) if n not in going)}
    tail = bytearray()
    table = bytearray()
    for number, section in enumerate(sections):
        if number in going:
            continue
        if section.link in going or (section.flags & 0x40 and section.info in going):
            return None
        placed = section._replace(link=numbers[section.link])
        if section.type not in {0, _NOBITS} and section.offset + section.size > keep:
            tail += bytes(-(keep + len(tail)) % max(1, min(section.align, 4096)))
            placed = placed._replace(offset=keep + len(tail))
            tail += data[section.offset : section.offset + section.size]
        table += layout.section.pack(*placed)
    tail += bytes(-(keep + len(tail)) % 8)
    return bytes(tail + table), len(tail)
