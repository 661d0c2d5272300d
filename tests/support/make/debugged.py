"""ELF files with sections that only debuggers read."""

from __future__ import annotations

import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
NAMES = b"\0.text\0.debug_info\0.symtab\0.shstrtab\0"


def elf(*, debug: int = 20_000, mapped_last: bool = False, appended: bytes = b"") -> bytes:
    """Return a shared library with a text, debugging sections and their names; *mapped_last* as patchelf leaves it."""
    text = b"\x90" * 256
    start = HEADER.size + PROGRAM.size
    symbols = start + len(text)
    body = text + bytes(range(256)) * (debug // 256)
    names_at = start + len(body)
    body += NAMES
    extra = b"patched!" if mapped_last else b""
    extra_at = start + len(body)
    body += extra
    table = -(start + len(body)) % 8
    table_at = start + len(body) + table
    half = debug // 256 * 256
    sections = [
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (NAMES.index(b".text"), 1, 6, start, start, len(text), 0, 0, 16, 0),
        (NAMES.index(b".debug_info"), 1, 0, 0, symbols, half, 0, 0, 1, 0),
        (NAMES.index(b".shstrtab"), 3, 0, 0, names_at, len(NAMES), 0, 0, 1, 0),
    ]
    end = extra_at + len(extra) if mapped_last else start + len(text)
    header = HEADER.pack(
        b"\x7fELF\x02\x01\x01" + bytes(9), 3, 62, 1, 0, 64, table_at, 0, 64, PROGRAM.size, 1, SECTION.size, len(sections), 3
    )  # fmt: skip
    program = PROGRAM.pack(1, 5, 0, 0, 0, end, end, 4096)
    return header + program + body + bytes(table) + b"".join(SECTION.pack(*each) for each in sections) + appended
