"""The tar archive of a layer, front to back: its members, and whatever two readers would not agree on.

`tare.oci.tar.TarReader` stops at the first fault. This one tells what it can and goes on, as long as it is certain
where the next header is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

import msgspec

from tare.oci.validate import accounts, headers
from tare.oci.validate.findings import Fatal, Report, shown
from tare.oci.validate.headers import BLOCK, Numbers
from tare.oci.validate.limits import Limits
from tare.oci.validate.machines import HEADER

Kind = Literal["file", "directory", "symlink", "hardlink", "character", "block", "fifo"]

_KINDS: Final[dict[bytes, Kind]] = {
    b"0": "file", b"\0": "file", b"1": "hardlink", b"2": "symlink", b"3": "character", b"4": "block",
    b"5": "directory", b"6": "fifo",
}  # fmt: skip
_PIECE: Final = 1024 * 1024
_ZEROS: Final = bytes(BLOCK)


class Member(msgspec.Struct, frozen=True, gc=False):
    """One entry of a layer, its content read and gone."""

    path: bytes
    """As written."""

    kind: Kind
    mode: int
    size: int
    link: bytes
    """What a symbolic or hard link points to, as written."""

    head: bytes
    """The first bytes of a file's content; of one that has users or groups, all of it."""

    device: tuple[int, int]
    keys: tuple[bytes, ...]
    """The keys of its pax header."""


class Archive:
    """Iterates over the members of *stream*; raises `Fatal` where it cannot tell what comes next: at `place`."""

    def __init__(self, stream: BinaryIO, report: Report, limits: Limits) -> None:
        self._stream = stream
        self._report = report
        self._limits = limits
        self._at = 0
        self._path = b""
        self._extended = 16 * limits.extended
        """Bytes that extended headers may still have; every member adds some."""

    def __iter__(self) -> Iterator[Member]:
        while (block := self._header()) is not None:
            extended: dict[bytes, bytes] = {}
            seen = b""
            while (flag := block[156:157]) in {b"x", b"g", b"L", b"K"}:
                if flag in seen and flag != b"g":
                    self._told("L109", f"expected an entry after a header of type `{flag.decode()}`, found another one")
                seen += flag
                self._extend(block, flag, extended)
                following = self._header()
                if following is None:
                    raise Fatal("L109", "expected an entry after an extended header, found the end")
                block = following
            self._extended += 1024
            yield self._member(block, flag, extended)

    def _header(self) -> bytes | None:
        block = self._stream.read(BLOCK)
        if len(block) < BLOCK:
            if block:
                raise Fatal("L102", f"expected a header of {BLOCK} bytes, found {len(block)}")
            self._told("L103", "expected two blocks of zeros at the end, found none")
            return None
        if block == _ZEROS:
            self._end()
            return None
        headers.check_sum(block)
        self._at += BLOCK
        return block

    def _end(self) -> None:
        """Read what follows the end marker: only zeros, or readers disagree on what is in the archive."""
        zeros = 0
        while data := self._stream.read(_PIECE):
            if data.count(0) != len(data):
                raise Fatal("L104", "expected zeros after the end marker, found data")
            zeros += len(data)
        if zeros < BLOCK:
            self._told("L103", "expected two blocks of zeros at the end, found one")

    def _extend(self, block: bytes, flag: bytes, extended: dict[bytes, bytes]) -> None:
        """Read an extended header into *extended*."""
        size = headers.number(block[124:136], "size")
        if size > self._limits.extended:
            most = self._limits.extended
            raise Fatal("L108", f"expected at most {most} bytes of extended header, found {size}")
        self._extended -= size
        if self._extended < 0:
            raise Fatal("L108", "expected at most 1,024 bytes of extended header for each entry, found far more")
        data = self._content(size, size)
        if flag in {b"L", b"K"}:
            self._set(extended, b"path" if flag == b"L" else b"linkpath", data.rstrip(b"\0"))
            return
        for key, value in headers.records(data):
            if flag == b"g":
                if key in headers.MEANT or key.startswith((b"GNU.sparse.", b"SCHILY.xattr.")):
                    self._told("L110", f"expected no `{shown(key)}` for all entries, found `{shown(value)}`")
            else:
                self._set(extended, key, value)

    def _set(self, extended: dict[bytes, bytes], key: bytes, value: bytes) -> None:
        if key in extended:
            found = f"found `{shown(extended[key])}` and `{shown(value)}`"
            self._told("L107", f"expected one `{shown(key)}`, {found}")
        if not value and key in headers.MEANT:
            self._told(
                "L107", f"expected a value of `{key.decode()}`, found none: readers go by the header or by nothing"
            )
        extended[key] = value

    def _member(self, block: bytes, flag: bytes, extended: dict[bytes, bytes]) -> Member:
        plain = headers.numbers(block)
        path, link = _names(block, extended)
        self._path = path
        kind = _KINDS.get(flag)
        if kind is None:
            raise Fatal("L111", f"expected a file, link, directory or device, found type {flag!r}")
        if kind == "file" and path.endswith(b"/"):
            if flag == b"\0":
                kind = "directory"  # Before ustar, a trailing slash was how a directory was written.
            else:
                self._fault("L116", "expected a directory, as the name ends with a slash, found a file")
        size = self._size(plain, kind, extended)
        if extended:
            headers.check_pax(extended)
        if problem := headers.owner_problem(plain, extended):
            self._fault("L115", problem)
        device = headers.devices(block) if block[257:262] == b"ustar" else (0, 0)
        if any(key.startswith(b"GNU.sparse.") for key in extended):
            self._fault("L112", "expected a plain file, found a sparse one, which tools read differently")
        keep = accounts.MOST if path.endswith((accounts.PASSWD, accounts.GROUP)) else HEADER
        head = self._content(size, keep)[:keep] if size else b""
        return Member(path, kind, plain.mode, size, link, head, device, tuple(extended))

    def _size(self, plain: Numbers, kind: Kind, extended: dict[bytes, bytes]) -> int:
        """Return how many bytes of content follow."""
        size = plain.size
        if stated := extended.get(b"size"):
            size = headers.pax_size(stated)
            if headers.desynchronised(size, plain.size):
                message = f"expected the header's size of {plain.size}, found {size} in its pax header"
                raise Fatal("L107", f"{message}")
        if size and kind != "file":
            if kind != "hardlink":
                self._fault("L113", f"expected no content of a {kind}, found a size of {size}")
            else:
                self._fault("L114", f"expected no content of a hard link, found a size of {size}")
            return 0
        return size

    def _content(self, size: int, keep: int) -> bytes:
        """Read *size* bytes with their padding, and return at least the first *keep*."""
        left = size + -size % BLOCK
        self._at += left
        kept = b""
        while left:
            data = self._stream.read(min(left, _PIECE))
            if not data:
                raise Fatal("L102", f"expected {left} bytes more, found the end")
            left -= len(data)
            if len(kept) < keep:
                kept += data
        return kept[:size]

    def place(self) -> str:
        """Return where in the archive the reading is."""
        after = f", after `{shown(self._path)}`" if self._path else ""
        return f"at byte {self._at}{after}"

    def _fault(self, code: str, message: str) -> None:
        self._report.entry(code, self._path, message)

    def _told(self, code: str, message: str) -> None:
        self._report.add(code, self._report.scope, f"{message} {self.place()}")


def _names(block: bytes, extended: dict[bytes, bytes]) -> tuple[bytes, bytes]:
    path = extended.get(b"GNU.sparse.name") or extended.get(b"path")
    if not path:
        path = block[:100].partition(b"\0")[0]
        if block[257:263] == b"ustar\0" and block[345]:
            path = block[345:500].partition(b"\0")[0] + b"/" + path
    return path, extended.get(b"linkpath") or block[157:257].partition(b"\0")[0]
