"""`ar` archives, as far as Debian's packages are such: strict, and never more in memory than a header.

deb(5) describes what of the format is used.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from tare.errors import HostileInputError, IntegrityError

_MAGIC: Final = b"!<arch>\n"
_HEADER: Final = 60


class Member(io.RawIOBase):
    """The bytes of one member. It can be read until the next member is asked for."""

    def __init__(self, stream: BinaryIO, name: str, size: int, *, what: str) -> None:
        self.name = name
        self.size = size
        self._stream = stream
        self._left = size
        self._what = what

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the stub says Buffer; io passes a memoryview
        data = self._stream.read(min(len(buffer), self._left))
        if not data and self._left and len(buffer):
            raise IntegrityError(f"{self._what} is cut off", causes=(f"`{self.name}` lacks {self._left:,} bytes",))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def skip(self) -> None:
        """Go to the member's end."""
        while self._left:
            self.readinto(memoryview(bytearray(min(self._left, 1024 * 1024))))


def members(stream: BinaryIO, *, what: str) -> Iterator[Member]:
    """Yield the archive's members, front to back. *what* names it in errors."""
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise IntegrityError(f"{what} is not an `ar` archive")
    while header := stream.read(_HEADER):
        member = _member(stream, header, what)
        yield member
        member.skip()
        if member.size % 2 and stream.read(1) != b"\n":
            raise IntegrityError(f"{what} is cut off", causes=(f"the padding of `{member.name}` is missing",))


def _member(stream: BinaryIO, header: bytes, what: str) -> Member:
    if len(header) != _HEADER or header[58:] != b"`\n":
        raise IntegrityError(f"{what} is not a sound `ar` archive", causes=("a member has no sound header",))
    name, size = header[:16].rstrip(b" ").removesuffix(b"/"), header[48:58].rstrip(b" ")
    if not size.isdigit() or not name or not name.isascii() or b"/" in name or not name.decode().isprintable():
        raise HostileInputError(
            f"{what} is not a sound `ar` archive", causes=(f"a member is called {name!r} and has {size!r} bytes",)
        )
    return Member(stream, name.decode(), int(size), what=what)
