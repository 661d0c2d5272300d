"""Tar archives, field by field: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html."""

from __future__ import annotations

from collections.abc import Mapping

USTAR = b"ustar\x0000"
GNU = b"ustar  \0"
V7 = bytes(8)
END = bytes(1024)

FIELDS: Mapping[str, tuple[int, int]] = {
    "name": (0, 100),
    "mode": (100, 108),
    "uid": (108, 116),
    "gid": (116, 124),
    "size": (124, 136),
    "mtime": (136, 148),
    "checksum": (148, 156),
    "flag": (156, 157),
    "linkname": (157, 257),
    "magic": (257, 265),
    "devmajor": (329, 337),
    "devminor": (337, 345),
    "prefix": (345, 500),
}


def octal(value: int, length: int) -> bytes:
    return b"%0*o\0" % (length - 1, value)


def base256(value: int, length: int) -> bytes:
    return (b"\x80" if value >= 0 else b"\xff") + value.to_bytes(length - 1, "big", signed=value < 0)


def header(
    name: bytes = b"x", *, size: int | bytes = 0, flag: bytes = b"0", magic: bytes = USTAR, **fields: bytes
) -> bytes:
    """Return one header block. *fields* are written as they are; the checksum is right unless it is among them."""
    values = {
        "name": name,
        "mode": octal(0o644, 8),
        "uid": octal(0, 8),
        "gid": octal(0, 8),
        "size": octal(size, 12) if isinstance(size, int) else size,
        "mtime": octal(0, 12),
        "checksum": b" " * 8,
        "flag": flag,
        "magic": magic,
        **fields,
    }
    block = bytearray(512)
    for key, value in values.items():
        start, end = FIELDS[key]
        assert len(value) <= end - start
        block[start : start + len(value)] = value
    if "checksum" not in fields:
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def entry(name: bytes = b"x", data: bytes = b"", **fields: bytes) -> bytes:
    return header(name, size=len(data), **fields) + padded(data)


def record(key: bytes, value: bytes) -> bytes:
    """Return a record of a pax header, with its right length."""
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while len(b"%d" % length) + len(body) != length:
        length = len(b"%d" % length) + len(body)
    return b"%d" % length + body


def extended(data: bytes, flag: bytes = b"x", name: bytes = b"PaxHeader") -> bytes:
    """Return an extended header with *data* as its content."""
    return header(name, size=len(data), flag=flag) + padded(data)


def pax(**records: str) -> bytes:
    return extended(b"".join(record(key.encode(), value.encode()) for key, value in records.items()))
