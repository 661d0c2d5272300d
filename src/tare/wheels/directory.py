"""The central directory of a wheel's zip container: what is in it, by what it says of itself.

Only what every reader would understand in the same way is accepted: one directory, at the end, of names that are plain
relative paths. What lies at its places is `tare.wheels.archive`.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.errors import HostileInputError, IntegrityError
from tare.wheels.methods import DEFLATED, STORED
from tare.wheels.random_access import Bytes

MAX_RATIO: Final = 50
"""Uncompressed bytes for each compressed one that an index refuses, once there are more than `RATIO_FROM`."""
RATIO_FROM: Final = 64 * 1024 * 1024
MAX_MEMBERS: Final = 200_000
MAX_DIRECTORY: Final = 64 * 1024 * 1024
"""Bytes of a central directory. The largest known wheel has 2 MB."""

_END = struct.Struct("<4s4H2IH")
_END64_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_CENTRAL = struct.Struct("<4s6H3I5H2I")

ENCRYPTED = 0x0001 | 0x0040 | 0x2000
DESCRIPTOR = 0x0008
UTF8 = 0x0800

_ZIP64 = 0x0001
_UNICODE_PATH = 0x7075
"""Kinds of extra fields: numbers that are too large for their places, and Info-ZIP's second name of an entry."""

# C0 and C1, line and paragraph separators, and what turns the direction of the text that a person sees.
_unprintable = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]").search


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the archive."""

    name: str
    """The path within the archive: relative, with forward slashes."""

    method: int
    """`STORED` or `DEFLATED`."""

    crc: int
    """CRC-32 of the content."""

    size: int
    """Bytes of the content, uncompressed."""

    compressed: int
    """Bytes as they lie in the archive."""

    header: int
    """Where the local header begins."""

    executable: bool = False
    """Whether the archive gives anyone the right to execute it."""

    descriptor: bool = False
    """Whether a data descriptor follows the data, and the local header leaves sizes open."""


def read_directory(source: Bytes, what: str) -> tuple[list[Member], int]:
    """Return the entries of the directory, directories' names among them, and where it begins."""
    offset, size, count = _find_directory(source, what)
    entries = list(_parse_directory(bytes(source.read_at(offset, size)), count, what))
    _check_names(entries, what)
    _check_ratio([entry for entry in entries if not entry.name.endswith("/")], what)
    return entries, offset


def _find_directory(source: Bytes, what: str) -> tuple[int, int, int]:
    """Return offset, size and number of entries of the one central directory.

    The end record must be the last bytes: with a comment or trailing data, two readers may find two directories.
    """
    if source.size < _END.size:
        raise IntegrityError(f"{what} is not a zip archive", causes=(f"it has {source.size} bytes",))
    position = source.size - _END.size
    record = bytes(source.read_at(position, _END.size))
    signature, disk, first_disk, on_disk, count, size, offset, comment = _END.unpack(record)
    if signature != b"PK\x05\x06" or comment:
        raise hostile(what, "it does not end with its directory: it is cut short, or something follows")
    if source.read_at(max(0, position - _END64_LOCATOR.size), 4) == b"PK\x06\x07":
        stated = (on_disk, count, size, offset)
        position, size, offset, count = _find_directory64(source, position, what)
        ones = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        for found, real, all_ones in zip(stated, (count, count, size, offset), ones, strict=True):
            if found not in {real, all_ones}:
                raise hostile(what, "its two end records disagree")
    elif disk or first_disk or on_disk != count:
        raise hostile(what, "it is in several volumes")
    if offset + size != position:
        raise hostile(what, "there are bytes between its directory and its end")
    if count > MAX_MEMBERS or size > MAX_DIRECTORY:
        raise hostile(
            what, f"its directory has {count} entries in {size} bytes; the limits are {MAX_MEMBERS} and {MAX_DIRECTORY}"
        )
    return offset, size, count


def _find_directory64(source: Bytes, end: int, what: str) -> tuple[int, int, int, int]:
    """Return position of the zip64 end record, and size, offset and number of entries of the directory.

    Its locator stands before *end*, whether or not the shorter record needs it: some writers add both from 2 GiB.
    """
    _, disk, position, disks = _END64_LOCATOR.unpack(source.read_at(end - _END64_LOCATOR.size, _END64_LOCATOR.size))
    if disk or disks != 1 or position + _END64.size != end - _END64_LOCATOR.size:
        raise hostile(what, "its zip64 end record is not where it should be")
    signature, length, _, _, disk, first, on_disk, count, size, offset = _END64.unpack(
        source.read_at(position, _END64.size)
    )
    if signature != b"PK\x06\x06" or length != _END64.size - 12 or disk or first or on_disk != count:
        raise hostile(what, "its zip64 end record is not sound")
    return position, size, offset, count


def _parse_directory(data: bytes, count: int, what: str) -> Iterator[Member]:
    position = 0
    for _ in range(count):
        if position + _CENTRAL.size > len(data) or data[position : position + 4] != b"PK\x01\x02":
            raise hostile(what, "its directory ends early")
        fields = _CENTRAL.unpack_from(data, position)
        name_length, extra_length, comment_length = fields[10:13]
        start = position + _CENTRAL.size
        name = data[start : start + name_length]
        extra = data[start + name_length : start + name_length + extra_length]
        position = start + name_length + extra_length + comment_length
        if position > len(data):
            raise hostile(what, "its directory ends early")
        yield _member(fields, name, extra_fields(extra, name, what), what)
    if position != len(data):
        raise hostile(what, "its directory has more entries than it says")


def _member(fields: tuple[int, ...], raw_name: bytes, extra: dict[int, bytes], what: str) -> Member:
    """Return an entry of the directory. One that is only a directory's name keeps its slash."""
    _, _, _, flags, method, _, _, crc, compressed, size, _, _, _, disk, _, attributes, header = fields
    name = _name(raw_name, flags, what)
    if flags & ENCRYPTED:
        raise hostile(what, f"`{name}` is encrypted")
    if method not in {STORED, DEFLATED}:
        raise hostile(what, f"`{name}` is compressed by method {method}; wheels use deflate")
    if 0xFFFFFFFF in {compressed, size, header}:
        size, compressed, header = zip64(what, extra, size, compressed, header)
    mode = attributes >> 16  # Installers look at it whatever system the archive says that it was made on.
    kind = stat.S_IFMT(mode)
    if kind and kind not in {stat.S_IFREG, stat.S_IFDIR}:
        raise hostile(what, f"`{name}` is a link or a device; wheels have files only")
    is_directory = name.endswith("/")
    if disk or (method == STORED and size != compressed) or (kind == stat.S_IFDIR and not is_directory):
        raise hostile(what, f"`{name}` has fields that contradict each other")
    if is_directory and size:
        raise hostile(what, f"`{name}` is a directory with content")
    return Member(
        name=name,
        method=method,
        crc=crc,
        size=size,
        compressed=compressed,
        header=header,
        executable=bool(mode & 0o111),
        descriptor=bool(flags & DESCRIPTOR),
    )


def _name(raw: bytes, flags: int, what: str) -> str:
    if not raw.isascii() and not flags & UTF8:
        raise hostile(what, f"the name {raw[:80]!r} is not marked as UTF-8")
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise hostile(what, f"the name {raw[:80]!r} is not UTF-8") from None
    parts = name.removesuffix("/").split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\\" in name or name[1:2] == ":":
        raise hostile(
            what, f"its entry `{name[:200]}` leaves the installation directory, or is not a plain relative path"
        )
    if any(part.startswith(".wh.") for part in parts):
        raise hostile(what, f"its entry `{name[:200]}` would hide other files: in a layer such a name is a whiteout")
    if _unprintable(name):
        raise hostile(what, f"the name {name[:200]!a} has control characters")
    if len(raw) > 255 and (len(raw) > 4096 or any(len(part.encode()) > 255 for part in parts)):
        raise hostile(what, f"the name `{name[:80]}…` is longer than a file system allows")
    return name


def extra_fields(data: bytes, name: bytes, what: str) -> dict[int, bytes]:
    """Return an entry's extra fields by their kind. Those that can change its numbers or its *name* must be plain."""
    found: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(data):
        kind, length = struct.unpack_from("<2H", data, position)
        body = data[position + 4 : position + 4 + length]
        if len(body) < length:
            raise hostile(what, f"the entry {name[:80]!r} has an extra field that is cut short")
        if kind in found and kind in {_ZIP64, _UNICODE_PATH}:
            raise hostile(what, f"the entry {name[:80]!r} has two extra fields of the kind {kind:#06x}")
        if kind == _UNICODE_PATH and body[5:] != name:
            raise hostile(what, f"the entry {name[:80]!r} has a second name, {body[5:85]!r}")
        found[kind] = body
        position += 4 + length
    return found


def zip64(what: str, extra: dict[int, bytes], size: int, compressed: int, header: int) -> tuple[int, int, int]:
    """Replace the fields that are all ones by those of the zip64 extra field, which come in this order."""
    body = extra.get(_ZIP64, b"")
    values = []
    for value in (size, compressed, header):
        if value == 0xFFFFFFFF:
            if len(body) < 8:
                raise hostile(what, "an entry needs a zip64 field that it does not have")
            value, body = int.from_bytes(body[:8], "little"), body[8:]  # noqa: PLW2901  # the field's real value
        values.append(value)
    return values[0], values[1], values[2]


def _check_names(entries: list[Member], what: str) -> None:
    """Refuse two entries of one name, and a file that is also a directory."""
    names: set[str] = set()
    for entry in entries:
        if entry.name in names:
            raise hostile(what, f"it has two entries named `{entry.name}`")
        names.add(entry.name)
    parents: set[str] = set()
    for name in names:
        while (cut := name.rfind("/")) > 0 and (name := name[:cut]) not in parents:
            parents.add(name)
    both = sorted(parents & names)
    if both:
        raise hostile(what, f"`{both[0]}` is a file and also a directory")


def _check_ratio(members: list[Member], what: str) -> None:
    size = sum(member.size for member in members)
    compressed = sum(member.compressed for member in members)
    if size > RATIO_FROM and size > MAX_RATIO * compressed:
        raise hostile(what, f"its {compressed} bytes would become {size}, more than {MAX_RATIO} for one")


def hostile(what: str, problem: str) -> HostileInputError:
    return HostileInputError(f"refusing {what}", causes=(problem,))
