"""Tar archives, read strictly and within bounds, whoever wrote them.

The format is POSIX.1-2001 (ustar with pax headers), read with GNU's long names, base-256 numbers and old headers, since
layers in the wild have them. The standard library's `tarfile` is not the gate here: it accepts archives that two
readers understand differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from tare.errors import HostileInputError, IntegrityError
from tare.oci.tar_header import BLOCK, FLAGS, Kind, padding

MAX_PATH: Final = 4096
"""Bytes; Linux's PATH_MAX."""
MAX_EXTENDED: Final = 1024 * 1024
"""Bytes of one pax or long-name header. Real ones have some hundreds (`docs/limits.md`)."""
MAX_NUMBER: Final = 2**63 - 1

_PIECE: Final = 1024 * 1024
"""Bytes that are asked for at once: a header may claim 8 GiB, and must not get them before they arrived."""

_EXTENDED: Final = b"xgLK"
"""Headers about the next entry: pax, pax for all entries, and GNU's long name and long link target."""

_MEANT: Final = frozenset({"path", "linkpath", "size", "mtime", "uid", "gid"})
"""Records of a pax header that decide what an entry is. An empty one means the header's own field to some readers, and
nothing to others."""

_pax_time = re.compile(r"(-?[0-9]{1,18})(?:\.([0-9]*))?").fullmatch


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One member of an archive."""

    path: str
    """As written, without a leading `./` and a trailing `/`; the root itself is the empty string."""

    kind: Kind = "file"

    mode: int = 0o644
    """Permission bits, with set-user-ID and its like."""

    size: int = 0
    """Bytes of content; 0 for all but files."""

    mtime: int = 0
    """Seconds since 1970, rounded down."""

    uid: int = 0
    gid: int = 0

    target: str = ""
    """What a link points to, as written."""

    device: tuple[int, int] = (0, 0)
    """Major and minor number of a device node."""

    xattrs: dict[str, str] = {}
    """Extended attributes from `SCHILY.xattr.*`; not text is kept by surrogate escapes."""


class TarReader:
    """Reads the entries of an uncompressed archive, once, front to back.

    Iterate over it; between two entries, `read` gives the content of the last one. What is not read is skipped. *what*
    names the archive in errors.
    """

    def __init__(self, stream: BinaryIO, *, what: str) -> None:
        self._stream = stream
        self._seekable = stream.seekable()
        self._what = what
        self._remaining = 0
        self._padding = 0
        self._entry = ""
        self.unpacked = 0
        """Bytes of the files seen so far."""

    def __iter__(self) -> Iterator[Entry]:
        while (block := self._next_header()) is not None:
            entry = self._parse(block)
            self.unpacked += entry.size
            yield entry

    def read(self, size: int = -1) -> bytes:
        """Return up to *size* bytes of the current entry, all that is left by default, nothing at its end."""
        wanted = self._remaining if size < 0 else min(size, self._remaining)
        pieces = []
        while wanted:
            data = self._stream.read(min(wanted, _PIECE))
            if not data:
                raise self._early(self._remaining + self._padding)
            pieces.append(data)
            wanted -= len(data)
            self._remaining -= len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self, size: int = _PIECE) -> Iterator[bytes]:
        """Yield the current entry's content in pieces."""
        while data := self.read(size):
            yield data

    def _next_header(self) -> bytes | None:
        """Skip to the next header. None at the end of the archive: two zero blocks, one, or the end of the bytes."""
        self._skip()
        block = self._stream.read(BLOCK)
        if not block:
            return None
        while len(block) < BLOCK:
            more = self._stream.read(BLOCK - len(block))
            if not more:
                raise self._broken("it ends within a header")
            block += more
        if block.count(0) == BLOCK:
            self._after_end()
            return None
        return block

    def _skip(self) -> None:
        """Go to the end of the current entry. What can seek is not read, but that it has these bytes is checked."""
        left = self._remaining + self._padding
        self._remaining = self._padding = 0
        if left and self._seekable:
            self._seek(left)
            return
        while left:
            data = self._stream.read(min(left, _PIECE))
            if not data:
                raise self._early(left)
            left -= len(data)

    def _seek(self, distance: int) -> None:
        try:
            self._stream.seek(distance - 1, 1)
            if self._stream.read(1):
                return
            wanted = self._stream.tell() + 1
        except (OSError, OverflowError):  # further than files can be
            wanted = self._stream.tell() + distance
        raise self._early(wanted - self._stream.seek(0, 2))

    def _after_end(self) -> None:
        """Read to the end: what follows the end marker must be zeros, or readers disagree on what is in the archive."""
        while data := self._stream.read(_PIECE):
            if data.count(0) != len(data):
                raise HostileInputError(
                    f"{self._what} has data after its end", causes=("a reader that goes on would see other files",)
                )

    def _parse(self, block: bytes) -> Entry:
        extended: dict[str, str] = {}
        seen: set[bytes] = set()
        while (flag := self._check(block)) in _EXTENDED:
            if flag in seen and flag != b"g":
                raise self._hostile("an entry has two extended headers of one kind")
            seen.add(flag)
            for key, value in self._records(block, flag):
                if key in extended:
                    raise self._hostile(f"an entry's extended headers have two values for `{key[:80]}`")
                extended[key] = value
            following = self._next_header()
            if following is None:
                raise self._broken("it ends after an extended header")
            block = following
        return self._entry_of(block, flag, extended)

    def _check(self, block: bytes) -> bytes:
        """Verify the checksum and return the type flag."""
        stated = self._number(block[148:156], "checksum")
        unsigned = sum(block) - sum(block[148:156]) + 8 * 0x20
        if stated != unsigned:
            raise self._broken(f"a header's checksum is {stated}, its bytes give {unsigned}")
        return block[156:157]

    def _records(self, block: bytes, flag: bytes) -> Iterator[tuple[str, str]]:
        """Read an extended header and yield what it says about the next entry."""
        size = self._number(block[124:136], "size")
        if size > MAX_EXTENDED:
            raise self._hostile(f"an extended header has {size} bytes; the limit is {MAX_EXTENDED}")
        self._remaining, self._padding = size, padding(size)
        data = self.read()
        if flag in b"LK":
            yield "path" if flag == b"L" else "linkpath", _text(data.rstrip(b"\0"))
            return
        for key, value in self._pax(data):
            if flag == b"x":
                yield key, value
            elif key in _MEANT or key.startswith(("SCHILY.xattr.", "GNU.sparse.")):
                # Docker and containerd pass over such headers; tar, bsdtar and Python obey them.
                raise self._hostile(f"a global header sets `{key[:80]}` for all entries")

    def _pax(self, data: bytes) -> Iterator[tuple[str, str]]:
        position = 0
        while position < len(data):
            space = data.find(b" ", position, position + 20)
            length = data[position:space]
            if space < 0 or not length.isdigit() or length.startswith(b"0"):
                raise self._broken("a pax record has no length")
            end = position + int(length)
            key, equals, value = data[space + 1 : end - 1].partition(b"=")
            if end > len(data) or end <= space or data[end - 1 : end] != b"\n" or not equals:
                raise self._broken("a pax record's length does not fit it")
            if b"\0" in key or (b"\0" in value and not key.startswith(b"SCHILY.xattr.")):
                raise self._hostile("a pax record has a NUL")
            if not key or (not value and _text(key) in _MEANT):
                raise self._hostile(f"a pax record has no {'value' if key else 'name'}")
            yield _text(key), _text(value)
            position = end

    def _entry_of(self, block: bytes, flag: bytes, extended: dict[str, str]) -> Entry:
        kind = FLAGS.get(flag)
        if kind is None or any(key.startswith("GNU.sparse.") for key in extended):
            raise self._broken(f"it has an entry of type {flag!r}, or a sparse one, which layers must not have")
        path, target = self._names(block, extended)
        size = self._extended_number(extended, "size", block[124:136])
        if kind != "file" and size:
            if kind != "hardlink":
                raise self._hostile(f"`{path}` is a {kind} with content")
            size = 0  # POSIX lets a hard link repeat the size of its target without content.
        if kind == "file" and path.endswith("/"):
            if flag != b"\0" or size:
                raise self._hostile(f"`{path}` is a file by its type and a directory by its name")
            kind = "directory"  # Before ustar, a trailing slash was how a directory was written.
        if not _plain(path) and kind != "directory":
            raise self._hostile(f"the root is a {kind}")
        entry = Entry(
            path=_plain(path),
            kind=kind,
            mode=self._number(block[100:108], "mode") & 0o7777,
            size=size,
            mtime=self._mtime(extended, block),
            uid=self._extended_number(extended, "uid", block[108:116]),
            gid=self._extended_number(extended, "gid", block[116:124]),
            target=target if kind in {"symlink", "hardlink"} else "",
            device=(self._number(block[329:337], "devmajor"), self._number(block[337:345], "devminor"))
            if kind in {"character", "block"}
            else (0, 0),
            xattrs={key[13:]: value for key, value in extended.items() if key.startswith("SCHILY.xattr.")},
        )
        self._entry = path
        self._remaining, self._padding = size, padding(size)
        return entry

    def _names(self, block: bytes, extended: dict[str, str]) -> tuple[str, str]:
        name = _text(block[:100].partition(b"\0")[0])
        if block[257:263] == b"ustar\0" and block[345]:
            name = _text(block[345:500].partition(b"\0")[0]) + "/" + name
        path = extended.get("path", name)
        target = extended.get("linkpath", _text(block[157:257].partition(b"\0")[0]))
        for text in (path, target):
            if "\0" in text or len(text.encode("utf-8", "surrogateescape")) > MAX_PATH:
                raise self._hostile("a path has a NUL, or is longer than 4,096 bytes")
        if not path:
            raise self._broken("an entry has no name")
        return path, target

    def _mtime(self, extended: dict[str, str], block: bytes) -> int:
        text = extended.get("mtime")
        if text is None:
            return self._number(block[136:148], "mtime", signed=True)
        match = _pax_time(text)
        if match is None:
            raise self._broken(f"the time `{text[:40]}` is not a number")
        whole, fraction = int(match[1]), match[2] or ""
        return whole - 1 if text.startswith("-") and fraction.strip("0") else whole

    def _extended_number(self, extended: dict[str, str], key: str, field: bytes) -> int:
        text = extended.get(key)
        if text is None:
            return self._number(field, key)
        if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > MAX_NUMBER:
            raise self._hostile(f"the {key} `{text[:40]}` is not a number of bytes")
        return int(text)

    def _number(self, field: bytes, what: str, *, signed: bool = False) -> int:
        """Read octal digits, or GNU's base 256."""
        if field[0] in {0x80, 0xFF}:
            value = int.from_bytes(field[1:] if field[0] == 0x80 else field, "big", signed=field[0] == 0xFF)
        else:
            digits, _, rest = field.partition(b"\0")
            digits = digits.strip(b" ")
            if digits.strip(b"01234567") or (not digits and rest.strip(b" \0")):  # some readers skip leading zeros
                raise self._broken(f"the {what} {field!r} is not octal")
            value = int(digits or b"0", 8)
        if not (-MAX_NUMBER if signed else 0) <= value <= MAX_NUMBER:
            raise self._hostile(f"the {what} {value} is out of range")
        return value

    def _place(self, problem: str) -> tuple[str, ...]:
        return (f"after `{self._entry}`: {problem}",) if self._entry else (problem,)

    def _early(self, missing: int) -> IntegrityError:
        return self._broken(f"it ends {missing} bytes early")

    def _broken(self, problem: str) -> IntegrityError:
        return IntegrityError(f"{self._what} is not a sound tar archive", causes=self._place(problem))

    def _hostile(self, problem: str) -> HostileInputError:
        return HostileInputError(f"{self._what} is not a sound tar archive", causes=self._place(problem))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _plain(path: str) -> str:
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return "" if path == "." else path.rstrip("/")
