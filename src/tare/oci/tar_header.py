"""Headers of tar archives, as tare writes them: POSIX.1-2001, the same bytes on every machine."""

from __future__ import annotations

from typing import Final, Literal

BLOCK: Final = 512

Kind = Literal["file", "directory", "symlink", "hardlink", "character", "block", "fifo"]

FLAGS: Final[dict[bytes, Kind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "character",
    b"4": "block",
    b"5": "directory",
    b"6": "fifo",
}
_FLAG_OF: Final[dict[Kind, bytes]] = {kind: flag for flag, kind in reversed(FLAGS.items())}
_FLAG_OF["file"] = b"0"


def padding(size: int) -> int:
    """Return how many zero bytes follow a content of *size* bytes."""
    return -size % BLOCK


END: Final = bytes(2 * BLOCK)
"""The end of an archive. No filling up to 10,240 bytes: no reader needs it."""


def header(
    path: str,
    *,
    kind: Kind = "file",
    mode: int = 0o644,
    size: int = 0,
    mtime: int,
    target: str = "",
    uid: int = 0,
    gid: int = 0,
) -> bytes:
    """Return the header of an entry, as one or more blocks. *uid* and *gid* are below 2,097,152.

    A path or target that ustar cannot hold goes into a pax header first, whose own fields are fixed: two machines must
    write the same bytes.
    """
    name = path.encode("utf-8", "surrogateescape")
    if kind == "directory":
        name += b"/"
    link = target.encode("utf-8", "surrogateescape")
    split = _split(name) if name.isascii() else None
    records = b""
    if split is None:
        records += _pax_record(b"path", name)
        split = (b"", name[:100])
    if len(link) > 100 or not link.isascii():
        records += _pax_record(b"linkpath", link)
        link = link[:100]
    if size >= 8**11:
        records += _pax_record(b"size", b"%d" % size)
    block = _ustar(
        split, mode=mode, size=min(size, 8**11 - 1), mtime=mtime, flag=_FLAG_OF[kind], link=link, uid=uid, gid=gid
    )
    if not records:
        return block
    extended = _ustar((b"", b"PaxHeader"), mode=0o644, size=len(records), mtime=mtime, flag=b"x", link=b"")
    return extended + records + bytes(padding(len(records))) + block


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Return *name* as ustar's prefix and name, or None if it does not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.find(b"/", len(name) - 101, len(name) - 1)
    if not 0 < cut <= 155:
        return None
    return name[:cut], name[cut + 1 :]


def _pax_record(key: bytes, value: bytes) -> bytes:
    r"""Return `LENGTH key=value\n`, where the length counts its own digits."""
    body = b" " + key + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    if len(str(length)) + len(body) != length:
        length += 1
    return b"%d" % length + body


def _ustar(
    split: tuple[bytes, bytes],
    *,
    mode: int,
    size: int,
    mtime: int,
    flag: bytes,
    link: bytes,
    uid: int = 0,
    gid: int = 0,
) -> bytes:
    prefix, name = split
    before = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (name.ljust(100, b"\0"), mode, uid, gid, size, mtime)
    after = b"%s%sustar\x0000%s0000000\x000000000\x00%s" % (
        flag,
        link.ljust(100, b"\0"),
        bytes(64),
        prefix.ljust(167, b"\0"),
    )
    checksum = sum(before) + sum(after) + 8 * 0x20
    return b"%s%06o\0 %s" % (before, checksum, after)
