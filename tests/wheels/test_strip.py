"""ELF files that lose what only debuggers read, and others that stay as they are."""

from __future__ import annotations

import struct

from tare.wheels.strip import cut

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
NAMES = b"\0.text\0.debug_info\0.symtab\0.shstrtab\0"


def elf(*, debug: int = 20_000, mapped_last: bool = False, appended: bytes = b"") -> bytes:
    """Return a shared library with a text, debugging sections and their names; *mapped_last* as patchelf leaves it."""
    text = b"\x90" * 256
    start = _HEADER.size + _PROGRAM.size
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
    header = _HEADER.pack(
        b"\x7fELF\x02\x01\x01" + bytes(9), 3, 62, 1, 0, 64, table_at, 0, 64, _PROGRAM.size, 1, _SECTION.size, len(sections), 3
    )  # fmt: skip
    program = _PROGRAM.pack(1, 5, 0, 0, 0, end, end, 4096)
    return header + program + body + bytes(table) + b"".join(_SECTION.pack(*each) for each in sections) + appended


def test_debugging_sections_go_and_what_is_mapped_keeps_its_place() -> None:
    data = elf()
    found = cut(data)
    assert found is not None
    shorter = found.apply(data)
    assert len(shorter) == found.size < 1024
    before, after = _HEADER.unpack_from(data), _HEADER.unpack_from(shorter)
    assert after[:6] == before[:6]
    assert shorter[64 : found.keep] == data[64 : found.keep]
    sections = [_SECTION.unpack_from(shorter, after[6] + 64 * number) for number in range(after[12])]
    names = sections[after[13]]
    text = shorter[names[4] : names[4] + names[5]]
    assert [text[each[0] :].partition(b"\0")[0] for each in sections] == [b"", b".text", b".shstrtab"]
    assert sections[1] == _SECTION.unpack_from(data, before[6] + 64)


def test_cutting_twice_changes_nothing() -> None:
    found = cut(data := elf())
    assert found is not None
    assert cut(found.apply(data)) is None


def test_a_file_that_was_patched_stays_as_it_is() -> None:
    assert cut(elf(mapped_last=True)) is None


def test_a_file_with_something_behind_its_end_stays_as_it_is() -> None:
    assert cut(elf(appended=b"payload")) is None


def test_little_is_not_worth_a_change() -> None:
    assert cut(elf(debug=1024)) is None


def test_no_prefix_of_a_file_and_no_damaged_one_is_a_crash() -> None:
    data = elf(debug=8192)
    for length in range(0, len(data), 61):
        assert cut(data[:length]) is None
    for position in range(len(data[:64])):
        for value in (0, 255):
            cut(data[:position] + bytes([value]) + data[position + 1 :])
