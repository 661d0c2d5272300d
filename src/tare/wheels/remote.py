"""Wheels that lie elsewhere, read by ranges: the central directory, `.dist-info`, and how programs begin.

What was fetched is kept as pieces of the archive, so that it is read as any other archive is, by the same strict
reader. Nothing here can compare the archive with its digest; a build does, when it downloads the wheel.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Final

import msgspec

from tare.errors import IntegrityError
from tare.oci.digest import Digest
from tare.wheels import archive as archives
from tare.wheels.directory import Member
from tare.wheels.wheel import Wheel, read

_BLOCK: Final = 4096
"""Bytes that are fetched at least: a request costs more than these."""
_TAIL: Final = (8 * 1024, 256 * 1024)
"""Bounds of the first guess of how long the end of an archive is that has its directory."""
_SHARE: Final = 50
"""The guess: a wheel's directory and `.dist-info` are about a fiftieth of it."""

Fetch = Callable[[int, int], bytes]
"""Return that many bytes from an offset."""


class Pieces(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is known of an archive's bytes."""

    size: int
    """Of the whole archive."""

    pieces: tuple[tuple[int, bytes], ...]
    """Offset and bytes, by offset; they do not overlap."""


class RemoteBytes:
    """The bytes of an archive that lies elsewhere: what is not there yet is fetched and kept."""

    def __init__(self, known: Pieces, fetch: Fetch) -> None:
        self.size = known.size
        self.fetched = 0
        """Bytes that came over the network."""
        self._fetch = fetch
        self._offsets = [offset for offset, _ in known.pieces]
        self._pieces = [data for _, data in known.pieces]

    def read_at(self, offset: int, length: int) -> memoryview:
        """Return exactly *length* bytes from *offset*."""
        length = max(0, min(length, self.size - offset))
        found = self._held(offset, length)
        if found is None:
            self.prefetch(offset, max(length, _BLOCK))
            found = self._held(offset, length)
        assert found is not None, "what was fetched is there"  # noqa: S101  # by the line above
        return found

    def prefetch(self, offset: int, length: int) -> None:
        """Fetch a span at once, as far as it is not there: the pieces that it touches become one."""
        end = min(offset + length, self.size)
        if offset >= end or self._held(offset, end - offset) is not None:
            return
        first = max(0, bisect_right(self._offsets, offset) - 1)
        touched = [
            number
            for number in range(first, len(self._offsets))
            if self._offsets[number] <= end and self._offsets[number] + len(self._pieces[number]) >= offset
        ]
        joined, start = bytearray(), offset
        if touched and self._offsets[touched[0]] <= offset:
            start = self._offsets[touched[0]]
            joined += self._pieces[touched[0]]
        for number in touched:
            begins = self._offsets[number]
            if begins > start + len(joined):
                joined += self._get(start + len(joined), begins - start - len(joined))
            joined += self._pieces[number][max(0, start + len(joined) - begins) :]
        if start + len(joined) < end:
            joined += self._get(start + len(joined), end - start - len(joined))
        where = touched[0] if touched else bisect_right(self._offsets, offset)
        self._offsets[where : where + len(touched)] = [start]
        self._pieces[where : where + len(touched)] = [bytes(joined)]

    def known(self) -> Pieces:
        """Return all that is there."""
        return Pieces(size=self.size, pieces=tuple(zip(self._offsets, self._pieces, strict=True)))

    def _get(self, offset: int, length: int) -> bytes:
        data = self._fetch(offset, length)
        if len(data) != length:
            raise IntegrityError("a range of a wheel is short", causes=(f"expected {length} bytes, got {len(data)}",))
        self.fetched += length
        return data

    def _held(self, offset: int, length: int) -> memoryview | None:
        if length == 0:
            return memoryview(b"")
        number = bisect_right(self._offsets, offset) - 1
        if number < 0:
            return None
        begins, data = self._offsets[number], self._pieces[number]
        return (
            memoryview(data)[offset - begins : offset - begins + length]
            if offset + length <= begins + len(data)
            else None
        )


def tail_guess(size: int | None) -> int:
    """Return how many bytes of the end of an archive of *size* bytes are asked for first.

    >>> tail_guess(12_000_000)
    240000
    """
    return min(max(size // _SHARE, _TAIL[0]), _TAIL[1]) if size is not None else 8 * _TAIL[0]


def open_remote(source: RemoteBytes, filename: str, digest: Digest) -> Wheel:
    """Read the wheel's own description of itself, and how its scripts begin."""
    archive = archives.read(source, what=f"`{filename}`", local_headers=False)
    described = [member for member in archive.members if member.name.partition("/")[0].endswith(".dist-info")]
    if described:
        _fetch_together(source, described)
    wheel = read(archive, filename=filename, digest=digest)
    for member in archive.members:
        if member.name.startswith(f"{wheel.data_dir}/scripts/"):
            next(archive.inflate(member), b"")
    return wheel


def _fetch_together(source: RemoteBytes, members: list[Member]) -> None:
    """Fetch *members* at once where they lie side by side, as builders write them."""
    needed = [member for member in members if member.name.rpartition("/")[2] in _READ]
    start = min(member.header for member in needed) if needed else 0
    end = max((member.header + _around(member) for member in needed), default=0)
    if end - start <= 2 * sum(map(_around, needed)) + _BLOCK:
        source.prefetch(start, end - start)
    else:
        for member in needed:
            source.prefetch(member.header, _around(member))


_READ: Final = frozenset({"WHEEL", "METADATA", "RECORD", "entry_points.txt"})


def _around(member: Member) -> int:
    """Return the bytes of a member with its local header, whose extra field may be longer than the directory's."""
    return 30 + len(member.name.encode()) + 64 + member.compressed
