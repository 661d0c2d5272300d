"""ELF files that lose what only debuggers read, and others that stay as they are."""

from __future__ import annotations

from make.debugged import HEADER, SECTION, elf

from tare.wheels.strip import cut


def test_debugging_sections_go_and_what_is_mapped_keeps_its_place() -> None:
    data = elf()
    found = cut(data)
    assert found is not None
    shorter = found.apply(data)
    assert len(shorter) == found.size < 1024
    before, after = HEADER.unpack_from(data), HEADER.unpack_from(shorter)
    assert after[:6] == before[:6]
    assert shorter[64 : found.keep] == data[64 : found.keep]
    sections = [SECTION.unpack_from(shorter, after[6] + 64 * number) for number in range(after[12])]
    names = sections[after[13]]
    text = shorter[names[4] : names[4] + names[5]]
    assert [text[each[0] :].partition(b"\0")[0] for each in sections] == [b"", b".text", b".shstrtab"]
    assert sections[1] == SECTION.unpack_from(data, before[6] + 64)


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
