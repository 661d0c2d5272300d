"""How many bytes of an ELF file only debuggers and linkers read, told from its last pieces as it streams by.

The table of sections lies at the end of a file, and the sections' names lie before it: System V ABI, chapter 4.
"""

from __future__ import annotations

import struct
from typing import Final

MAGIC: Final = b"\x7fELF"
HEADER: Final = 64
"""Bytes of the longer of both headers."""

_MAX_SECTIONS: Final = 1000
_DEBUG: Final = (b".debug", b".zdebug", b".symtab", b".strtab", b".gnu_debuglink", b".gdb_index", b".stab")
_NOBITS: Final = 8


def debug_bytes(head: bytes, tail: bytes, size: int) -> int:
    """Return the bytes of debugging sections of a file of *size* bytes; 0 where its last bytes do not show them.

    *head* are its first 64 bytes, *tail* its last ones.
    """
    try:
        return _debug_bytes(head, memoryview(tail), size - len(tail))
    except (struct.error, IndexError):
        return 0


def _debug_bytes(head: bytes, tail: memoryview, start: int) -> int:
    if not head.startswith(MAGIC) or head[4] not in {1, 2} or head[5] not in {1, 2}:
        return 0
    wide = head[4] == 2
    order = "<" if head[5] == 1 else ">"
    (table,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", head, 0x28 if wide else 0x20)
    entry, count, names = struct.unpack_from(f"{order}HHH", head, 0x3A if wide else 0x2E)
    if not 0 < count <= _MAX_SECTIONS or table < start or names >= count or entry < (64 if wide else 40):
        return 0
    layout = f"{order}IIQQQQ" if wide else f"{order}IIIIII"
    sections = [struct.unpack_from(layout, tail, table - start + number * entry) for number in range(count)]
    text = sections[names][4] - start
    if text < 0:
        return 0
    found = 0
    for name, kind, _, _, _, length in sections:
        spelled = bytes(tail[text + name : text + name + 16])
        if spelled.startswith(_DEBUG) and kind != _NOBITS:
            found += length
    return min(found, start + len(tail))
