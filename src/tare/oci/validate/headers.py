"""Tar headers: numbers, checksums and extended headers, as every reader takes them, or as a finding.

POSIX.1-2001's pax: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_01
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tare.oci.validate.findings import Fatal, shown

BLOCK: Final = 512
_OCTAL: Final = re.compile(rb" *([0-7]*)[ \0]*")
_PLAIN: Final = re.compile(rb"([0-7]{7})[\0 ]([0-7]{7})[\0 ]([0-7]{7})[\0 ]([0-7]{11})[\0 ]([0-7]{11})[\0 ]")
_SUM: Final = re.compile(rb"([0-7]{6})\0 ")
_LENGTH: Final = re.compile(rb"([1-9][0-9]{0,8}) ")
_TIME: Final = re.compile(rb"-?[0-9]{1,19}(?:\.[0-9]*)?")
_SIZE: Final = re.compile(rb"[0-9]{1,19}")
_NO_DEVICE: Final = frozenset({bytes(16), b"0000000\0" * 2, b"000000 \0" * 2})
MEANT: Final = frozenset({b"path", b"linkpath", b"size", b"mtime", b"uid", b"gid"})
"""Records that decide what an entry is."""
_BINARY: Final = (b"SCHILY.xattr.", b"path", b"linkpath")
"""Records that may have a NUL, or whose reader tells it."""
MAX_NUMBER: Final = 2**63 - 1
_MAX_ID: Final = 2**32 - 2
"""The highest user ID that Linux has; the next one means none."""
_MAX_OCTAL: Final = 8**11
"""Bytes that a ustar header cannot state any more."""


class Numbers(msgspec.Struct, frozen=True, gc=False):
    """The numbers of one header."""

    mode: int
    uid: int
    gid: int
    size: int
    mtime: int


def numbers(block: bytes) -> Numbers:
    """Read the numbers of a header."""
    plain = _PLAIN.match(block, 100)
    if plain is not None:
        mode, uid, gid, size, mtime = plain.groups()
        return Numbers(int(mode, 8), int(uid, 8), int(gid, 8), int(size, 8), int(mtime, 8))
    return Numbers(
        number(block[100:108], "mode"),
        number(block[108:116], "user ID"),
        number(block[116:124], "group ID"),
        number(block[124:136], "size"),
        number(block[136:148], "time", negative=True),
    )


def number(field: bytes, what: str, *, negative: bool = False) -> int:
    """Read octal digits, or GNU's base 256."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=field[0] == 0xFF)
        if field[0] == 0x80:
            value = int.from_bytes(field[1:], "big")
        elif field[0] != 0xFF:
            raise Fatal("L105", f"expected an octal or base-256 {what}, found {field.hex(' ')}")
    else:
        match = _OCTAL.fullmatch(field)
        if match is None:
            raise Fatal("L105", f"expected an octal {what}, found `{shown(field)}`")
        value = int(match[1] or b"0", 8)
    if not (-MAX_NUMBER if negative else 0) <= value <= MAX_NUMBER:
        raise Fatal("L105", f"expected a {what} of up to 63 bits, found {shown(str(value))}")
    return value


def check_sum(block: bytes) -> None:
    """Check the sum of a header's bytes; old writers took them as signed ones."""
    plain = _SUM.match(block, 148)
    stated = int(plain[1], 8) if plain is not None else number(block[148:156], "checksum")
    found = sum(block) - sum(block[148:156]) + 8 * 0x20
    if stated != found and stated != found - 256 * sum(byte > 127 for byte in block[:148] + block[156:]):
        raise Fatal("L101", f"expected the checksum {stated}, found bytes that sum up to {found}")


def records(data: bytes) -> list[tuple[bytes, bytes]]:
    r"""Read the records of a pax header: `LENGTH key=value\n`, where the length counts itself."""
    found = []
    position = 0
    while position < len(data):
        match = _LENGTH.match(data, position)
        end = position + int(match[1]) if match else 0
        key, equals, value = data[match.end() : end - 1].partition(b"=") if match else (b"", b"", b"")
        if not match or end > len(data) or end <= match.end() or data[end - 1] != 0x0A or not equals or not key:
            text = shown(data[position : position + 40])
            raise Fatal("L106", f"expected `LENGTH key=value` and a line end at byte {position}, found `{text}`")
        if b"\0" in key or (b"\0" in value and not key.startswith(_BINARY)):
            raise Fatal("L106", f"expected no NUL in `{shown(key)}`")
        found.append((key, value))
        position = end
    return found


def pax_size(value: bytes) -> int:
    """Read the `size` of a pax header."""
    if _SIZE.fullmatch(value) is None or int(value) > MAX_NUMBER:
        raise Fatal("L106", f"expected a `size` in digits, found `{shown(value)}`")
    return int(value)


def check_pax(extended: dict[bytes, bytes]) -> None:
    """Check the numbers of a pax header that do not decide where the next header is."""
    for key in (b"mtime", b"atime", b"ctime"):
        value = extended.get(key)
        if value and _TIME.fullmatch(value) is None:
            raise Fatal("L106", f"expected a time for `{key.decode()}`, found `{shown(value)}`")
    for key in (b"uid", b"gid"):
        value = extended.get(key)
        if value and _SIZE.fullmatch(value) is None:
            raise Fatal("L106", f"expected a number for `{key.decode()}`, found `{shown(value)}`")


def devices(block: bytes) -> tuple[int, int]:
    """Read the two numbers of a device, which other entries have too."""
    if block[329:345] in _NO_DEVICE:
        return 0, 0
    return number(block[329:337], "device"), number(block[337:345], "device")


def owner_problem(plain: Numbers, extended: dict[bytes, bytes]) -> str | None:
    """Return what is wrong with the owner, or None."""
    if not extended and plain.uid <= _MAX_ID and plain.gid <= _MAX_ID:
        return None
    for name, value in (
        ("user ID", extended.get(b"uid") or plain.uid),
        ("group ID", extended.get(b"gid") or plain.gid),
    ):
        if int(value) > _MAX_ID:
            return f"expected a {name} of at most {_MAX_ID}, found {int(value)}"
    return None


def desynchronised(stated: int, plain: int) -> bool:
    """Tell whether a pax size of *stated* beside a header's own of *plain* is read in two ways (CVE-2025-62518).

    An honest writer has the one for sizes that the other cannot hold.
    """
    return stated != plain and stated < _MAX_OCTAL
