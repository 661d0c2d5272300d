"""Tar archives written block by block, without any library that would refuse."""

from __future__ import annotations

BLOCK = 512
END = bytes(2 * BLOCK)


def header(
    name: bytes = b"",
    *,
    mode: bytes = b"0000644\0",
    uid: bytes = b"0000000\0",
    gid: bytes = b"0000000\0",
    size: int | bytes = 0,
    mtime: bytes = b"00000000000\0",
    flag: bytes = b"0",
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    device: tuple[int, int] = (0, 0),
    prefix: bytes = b"",
    checksum: bytes | None = None,
    rest: bytes = b"",
) -> bytes:
    """Return one header; *rest* replaces what comes after the device, prefix included."""
    length = b"%011o\0" % size if isinstance(size, int) else size
    numbers = mode + uid + gid + length + mtime
    tail = rest.ljust(167, b"\0") if rest else prefix.ljust(167, b"\0")
    after = flag + link[:100].ljust(100, b"\0") + magic + bytes(64) + b"%07o\0%07o\0" % device + tail
    before = name[:100].ljust(100, b"\0") + numbers
    total = sum(before) + sum(after) + 8 * 0x20
    block = before + (b"%06o\0 " % total if checksum is None else checksum) + after
    assert len(block) == BLOCK, len(block)
    return block


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def file(name: str | bytes, data: bytes = b"", *, mode: int = 0o644, flag: bytes = b"0", prefix: bytes = b"") -> bytes:
    """Return a regular file."""
    block = header(_bytes(name), mode=b"%07o\0" % mode, size=len(data), flag=flag, prefix=prefix)
    return block + padded(data)


def directory(name: str | bytes, mode: int = 0o755) -> bytes:
    return header(_bytes(name).rstrip(b"/") + b"/", mode=b"%07o\0" % mode, flag=b"5")


def symlink(name: str | bytes, target: str | bytes) -> bytes:
    return header(_bytes(name), mode=b"0000777\0", flag=b"2", link=_bytes(target))


def hardlink(name: str | bytes, target: str | bytes, size: int = 0) -> bytes:
    return header(_bytes(name), flag=b"1", link=_bytes(target), size=size)


def special(name: str | bytes, flag: bytes, device: tuple[int, int] = (0, 0), size: int = 0) -> bytes:
    return header(_bytes(name), flag=flag, device=device, size=size)


def whiteout(name: str | bytes) -> bytes:
    return file(name, mode=0)


def record(key: bytes, value: bytes) -> bytes:
    r"""Return `LENGTH key=value\n`."""
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return b"%d" % length + body


def pax(records: dict[bytes, bytes] | bytes, entry: bytes, *, flag: bytes = b"x") -> bytes:
    """Return *entry* with a pax header before it, of which *records* may be the raw bytes."""
    data = records if isinstance(records, bytes) else b"".join(record(*item) for item in records.items())
    return header(b"PaxHeader", flag=flag, size=len(data)) + padded(data) + entry


def gnu_long(entry: bytes, *, name: bytes = b"", link: bytes = b"") -> bytes:
    """Return *entry* with GNU's headers for a long name and a long link before it."""
    before = b""
    for flag, text in ((b"K", link), (b"L", name)):
        if text:
            data = text + b"\0"
            before += header(b"././@LongLink", flag=flag, size=len(data), magic=b"ustar  \0") + padded(data)
    return before + entry


def archive(*entries: bytes) -> bytes:
    return b"".join(entries) + END


def _bytes(name: str | bytes) -> bytes:
    return name.encode() if isinstance(name, str) else name
