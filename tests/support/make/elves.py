"""ELF files: sound ones of any class and byte order, and ones whose every field can be chosen."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

AMD64 = 62
ARM64 = 183
I386 = 3
S390X = 22

_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 10, 14, 15, 29
_VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF


class Strings:
    def __init__(self) -> None:
        self.data = bytearray(b"\0")

    def add(self, text: str) -> int:
        index = len(self.data)
        self.data += text.encode() + b"\0"
        return index


def make_elf(
    *,
    machine: int = AMD64,
    bits: int = 64,
    order: str = "<",
    kind: int = 3,
    needed: Sequence[str] = (),
    soname: str | None = None,
    rpath: str | None = None,
    runpath: str | None = None,
    interpreter: str | None = None,
    requires: Mapping[str, Sequence[str]] | None = None,
    weak: Sequence[str] = (),
    provides: Sequence[str] = (),
    symbols: Sequence[str] = (),
    content: bytes = b"",
    tags: Sequence[tuple[int, int]] = (),
    replace: Mapping[int, int] | None = None,
) -> bytes:
    """Return an ELF file with one segment that holds all of it.

    *tags* are added to the dynamic section, and *replace* changes values in it, by tag. *content* follows at the end.
    """
    strings = Strings()
    dynamic = [(_NEEDED, strings.add(name)) for name in needed]
    for tag, text in ((_SONAME, soname), (_RPATH, rpath), (_RUNPATH, runpath)):
        if text is not None:
            dynamic.append((tag, strings.add(text)))
    for name in symbols:
        strings.add(name)
    verneed = _verneed(requires or {}, weak, strings, order)
    verdef = _verdef(provides, strings, order)
    header_size, program_size, dynamic_size = (64, 56, 16) if bits == 64 else (52, 32, 8)
    count = 2 + (interpreter is not None)
    position = header_size + program_size * count
    places = {}
    body = b""
    for name, data in (
        ("interpreter", (interpreter or "").encode() + b"\0"),
        ("strings", bytes(strings.data)),
        ("verneed", verneed),
        ("verdef", verdef),
    ):
        places[name] = position + len(body)
        body += data + bytes(-len(data) % 8)
    dynamic += [(_STRTAB, places["strings"]), (_STRSZ, len(strings.data))]
    if requires:
        dynamic += [(_VERNEED, places["verneed"]), (_VERNEEDNUM, len(requires))]
    if provides:
        dynamic += [(_VERDEF, places["verdef"]), (_VERDEFNUM, len(provides) + 1)]
    dynamic += [*tags, (0, 0)]
    section = b"".join(
        struct.pack(order + ("qQ" if bits == 64 else "iI"), tag, (replace or {}).get(tag, value))
        for tag, value in dynamic
    )
    start = position + len(body)
    total = start + len(section) + len(content)
    segments = [(1, 0, total), (2, start, dynamic_size * len(dynamic))]
    if interpreter is not None:
        segments.append((3, places["interpreter"], len(interpreter) + 1))
    programs = b"".join(_program(bits, order, *segment) for segment in segments)
    header = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    header += struct.pack(
        order + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"),
        *(kind, machine, 1, 0, header_size, 0, 0, header_size, program_size, count, 0, 0, 0),
    )
    return header + programs + body + section + content


def _program(bits: int, order: str, kind: int, offset: int, size: int) -> bytes:
    if bits == 64:
        return struct.pack(order + "IIQQQQQQ", kind, 4, offset, offset, offset, size, size, 8)
    return struct.pack(order + "IIIIIIII", kind, offset, offset, offset, size, size, 4, 8)


def _verneed(requires: Mapping[str, Sequence[str]], weak: Sequence[str], strings: Strings, order: str) -> bytes:
    data = b""
    for number, (library, versions) in enumerate(requires.items()):
        last = number == len(requires) - 1
        size = 16 * (1 + len(versions))
        data += struct.pack(order + "HHIII", 1, len(versions), strings.add(library), 16, 0 if last else size)
        for index, version in enumerate(versions):
            link = 0 if index == len(versions) - 1 else 16
            flags = 2 if version in weak else 0
            data += struct.pack(order + "IHHII", 0, flags, 2, strings.add(version), link)
    return data


def _verdef(provides: Sequence[str], strings: Strings, order: str) -> bytes:
    names = ["itself", *provides]
    data = b""
    for number, name in enumerate(names):
        link = 0 if number == len(names) - 1 else 28
        data += struct.pack(order + "HHHHIII", 1, number == 0, number + 1, 1, 0, 20, link)
        data += struct.pack(order + "II", strings.add(name), 0)
    return data
