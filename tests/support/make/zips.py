"""Zip archives, field by field: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

STORED = 0
DEFLATED = 8
FILE = 0o100644
UTF8 = 0x0800
ENCRYPTED = 0x0001
OPEN = 0x0008
"""The flag that a data descriptor follows."""

Descriptor = Literal["signed32", "signed64", "bare32", "bare64"]
Fields = Mapping[str, int | bytes]

_LOCAL = ("version", "flags", "method", "time", "date", "crc", "compressed", "size")
_CENTRAL = ("made_by", *_LOCAL)
_TIME = 0
_DATE = 0x21
"""1980-01-01, the first date that the format has."""


@dataclass(kw_only=True)
class Entry:
    """One entry. What `local`, `central` and `sizes` name is written as it is there instead of as it should be."""

    name: str | bytes
    data: bytes = b""
    method: int = DEFLATED
    mode: int = FILE
    made_by: int = 3
    flags: int | None = None
    level: int = 6

    stream: bytes | None = None
    """The data as it shall lie, when that is not what `zlib` makes of it."""

    descriptor: Descriptor | None = None
    described: Fields = field(default_factory=dict)
    """Of the data descriptor: crc, compressed, size."""

    zip64: bool = False
    """Put the sizes, and the offset in the directory, into zip64 fields."""

    extra: bytes = b""
    comment: bytes = b""
    local: Fields = field(default_factory=dict)
    """Of the local header: name, extra and the numbers of `_LOCAL`."""

    central: Fields = field(default_factory=dict)
    """Of the directory: name, extra, header, disk, attributes and the numbers of `_CENTRAL`."""

    both: Fields = field(default_factory=dict)
    before: bytes = b""
    """Bytes between the entry before and this one's local header."""

    after: bytes = b""
    """Bytes between the data and what follows."""

    listed: bool = True
    """Whether the directory names it."""

    laid: bool = True
    """Whether it has a local header and data of its own."""

    @property
    def raw_name(self) -> bytes:
        return self.name.encode() if isinstance(self.name, str) else self.name

    @property
    def lies(self) -> bytes:
        """The data as it lies in the archive."""
        if self.stream is not None:
            return self.stream
        return deflate(self.data, self.level) if self.method == DEFLATED else self.data

    def numbers(self) -> dict[str, int | bytes]:
        """Return every field, as an honest writer fills it."""
        flags = self.flags
        if flags is None:
            flags = 0 if self.raw_name.isascii() else UTF8
        return {
            "name": self.raw_name,
            "made_by": self.made_by << 8 | 20,
            "version": 45 if self.zip64 else 20,
            "flags": flags | (OPEN if self.descriptor else 0),
            "method": self.method,
            "time": _TIME,
            "date": _DATE,
            "crc": zlib.crc32(self.data),
            "compressed": len(self.lies),
            "size": len(self.data),
            "extra": self.extra,
            "comment": self.comment,
            "disk": 0,
            "attributes": self.mode << 16,
        }


def deflate(data: bytes, level: int = 6) -> bytes:
    """Return *data* as a raw deflate stream."""
    coder = zlib.compressobj(level, zlib.DEFLATED, -15)
    return coder.compress(data) + coder.flush()


def deflate_in_blocks(data: bytes, size: int) -> bytes:
    """Return *data* as a raw deflate stream with an empty stored block after every *size* bytes."""
    coder = zlib.compressobj(6, zlib.DEFLATED, -15)
    pieces = []
    for start in range(0, len(data), size):
        pieces += [coder.compress(data[start : start + size]), coder.flush(zlib.Z_FULL_FLUSH)]
    return b"".join(pieces) + coder.flush()


def extra_field(kind: int, body: bytes) -> bytes:
    return struct.pack("<2H", kind, len(body)) + body


def zip64_field(*numbers: int) -> bytes:
    return extra_field(1, struct.pack(f"<{len(numbers)}Q", *numbers))


def _number(fields: dict[str, int | bytes], name: str) -> int:
    value = fields[name]
    assert isinstance(value, int)
    return value


def _bytes(fields: dict[str, int | bytes], name: str) -> bytes:
    value = fields[name]
    assert isinstance(value, bytes)
    return value


def _local_header(entry: Entry) -> bytes:
    fields = entry.numbers()
    if entry.descriptor:
        fields |= {"crc": 0, "compressed": 0, "size": 0}
    if entry.zip64:
        extra = _bytes(fields, "extra") + zip64_field(_number(fields, "size"), _number(fields, "compressed"))
        fields |= {"extra": extra, "compressed": 0xFFFFFFFF, "size": 0xFFFFFFFF}
    fields |= entry.both
    fields |= entry.local
    name, extra = _bytes(fields, "name"), _bytes(fields, "extra")
    numbers = [_number(fields, key) for key in _LOCAL]
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", *numbers, len(name), len(extra)) + name + extra


def _data_descriptor(entry: Entry) -> bytes:
    if entry.descriptor is None:
        return b""
    fields = entry.numbers() | dict(entry.described)
    numbers = [_number(fields, key) for key in ("crc", "compressed", "size")]
    signature = b"PK\x07\x08" if entry.descriptor.startswith("signed") else b""
    return signature + struct.pack("<IQQ" if entry.descriptor.endswith("64") else "<III", *numbers)


def _central_header(entry: Entry, header: int) -> bytes:
    fields = entry.numbers() | {"header": header}
    if entry.zip64:
        sizes = (_number(fields, "size"), _number(fields, "compressed"), header)
        ones = 0xFFFFFFFF
        fields |= {"extra": entry.extra + zip64_field(*sizes), "compressed": ones, "size": ones, "header": ones}
    fields |= entry.both
    fields |= entry.central
    name, extra, comment = (_bytes(fields, key) for key in ("name", "extra", "comment"))
    numbers = [_number(fields, key) for key in _CENTRAL]
    tail = (len(name), len(extra), len(comment), _number(fields, "disk"), 0)
    where = (_number(fields, "attributes"), _number(fields, "header"))
    return struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *numbers, *tail, *where) + name + extra + comment


def write_zip(
    entries: Sequence[Entry],
    *,
    prefix: bytes = b"",
    gap: bytes = b"",
    end: Fields | None = None,
    zip64: bool = False,
    end64: Fields | None = None,
    locator: Fields | None = None,
    between: bytes = b"",
    comment: bytes = b"",
    trailing: bytes = b"",
) -> bytes:
    """Return an archive of *entries*.

    *gap* stands between the last entry and the directory, *between* after the directory. *end*, *end64* and *locator*
    override fields of the end records: disk, first_disk, on_disk, count, size, offset, comment (its length), signature;
    with *zip64* there are all three.
    """
    out = bytearray(prefix)
    directory = b""
    for entry in entries:
        out += entry.before
        header = len(out)
        if entry.laid:
            out += _local_header(entry) + entry.lies + entry.after + _data_descriptor(entry)
        if entry.listed:
            directory += _central_header(entry, header)
    out += gap
    listed = sum(entry.listed for entry in entries)
    numbers: dict[str, int | bytes] = {"disk": 0, "first_disk": 0, "on_disk": listed, "count": listed}
    numbers |= {"size": len(directory), "offset": len(out), "comment": len(comment)}
    out += directory + between
    if zip64:
        out += _end64(numbers | dict(end64 or {}), len(out), locator or {})
        numbers |= {"on_disk": 0xFFFF, "count": 0xFFFF, "size": 0xFFFFFFFF, "offset": 0xFFFFFFFF}
    numbers |= end or {}
    keys = ("disk", "first_disk", "on_disk", "count", "size", "offset", "comment")
    out += struct.pack("<4s4H2IH", b"PK\x05\x06", *(_number(numbers, key) for key in keys)) + comment
    return bytes(out) + trailing


def _end64(fields: dict[str, int | bytes], position: int, locator: Fields) -> bytes:
    defaults: dict[str, int | bytes] = {"signature": b"PK\x06\x06", "length": 44}
    fields = defaults | fields
    keys = ("disk", "first_disk", "on_disk", "count", "size", "offset")
    record = struct.pack("<4sQ2H", _bytes(fields, "signature"), _number(fields, "length"), 45, 45)
    record += struct.pack("<2I4Q", *(_number(fields, key) for key in keys))
    place: dict[str, int | bytes] = {"disk": 0, "position": position, "disks": 1}
    place |= locator
    return record + struct.pack(
        "<4sIQI", b"PK\x06\x07", *(_number(place, key) for key in ("disk", "position", "disks"))
    )
