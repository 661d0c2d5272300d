"""The zip container of a wheel, read strictly from its central directory.

Only what every reader would understand in the same way is accepted: one central directory, names that are plain
relative paths, local headers that repeat what the directory says, members that do not share bytes. Members stay as
they lie; `inflate` gives their content, `raw` their deflate stream.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT and the rules that indexes enforce for uploads
(`docs/wheels.md` lists each with its reason).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import msgspec
from zlib_ng import zlib_ng

from tare.wheels.directory import DESCRIPTOR, ENCRYPTED, UTF8, Member, extra_fields, hostile, read_directory, zip64
from tare.wheels.methods import STORED
from tare.wheels.random_access import Bytes

_CHUNK: Final = 1024 * 1024
_FIRST: Final = 4096
"""Bytes of the first piece: who only looks at how a file begins should not fetch more of an archive that is far away."""

_LOCAL = struct.Struct("<4s5H3I2H")


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """A zip archive's members, in the order of their names."""

    what: str
    """How errors name the archive."""

    source: Bytes
    members: tuple[Member, ...]

    starts: dict[int, int] = {}
    """Where an entry's data begins, by where its local header does, for those that were compared with it before."""

    def raw(self, member: Member) -> Iterator[memoryview | bytes]:
        """Yield the member's bytes as they lie, in pieces."""
        start = self._data(member)
        offset, length = 0, _FIRST
        while offset < member.compressed:
            yield self.source.read_at(start + offset, min(length, member.compressed - offset))
            offset, length = offset + length, _CHUNK

    def inflate(self, member: Member) -> Iterator[bytes]:
        """Yield the member's content in pieces, and raise at its end if its size or CRC-32 is not the stated one."""
        crc = size = 0
        pieces = self.raw(member) if member.method == STORED else self._inflated(member)
        for piece in pieces:
            size += len(piece)
            if size > member.size:
                break
            crc = zlib_ng.crc32(piece, crc)
            yield bytes(piece) if isinstance(piece, memoryview) else piece
        if size != member.size or crc != member.crc:
            raise hostile(
                self.what,
                f"`{member.name}` should have {member.size} bytes with CRC-32 {member.crc:08x}; "
                f"its data gives {'more' if size > member.size else f'{size} with CRC-32 {crc:08x}'}",
            )

    def whole(self, member: Member) -> tuple[memoryview | bytes, bytes]:
        """Return a small deflated member's bytes as they lie and its content, checked as `inflate` checks it.

        Wheels have thousands of small files, and looking once at each takes half the time of `raw` and `inflate`.
        """
        raw = self.source.read_at(self._data(member), member.compressed)
        decoder = zlib_ng.decompressobj(-15)
        try:
            data = decoder.decompress(raw, member.size + 1)
        except zlib_ng.error:  # type: ignore[misc]  # the stub has a class, mypy sees a variable
            data = b""
        sound = decoder.eof and not decoder.unused_data and not decoder.unconsumed_tail
        if not sound or len(data) != member.size or zlib_ng.crc32(data) != member.crc:
            return raw, self.read(member)  # which says what is wrong
        return raw, data

    def read(self, member: Member) -> bytes:
        """Return the whole content of a small member."""
        return b"".join(self.inflate(member))

    def beginning(self, member: Member, length: int) -> bytes:
        """Return what the first *length* bytes of a member's data give, up to a bound; nothing vouches for it."""
        piece = self.source.read_at(self._data(member), min(length, member.compressed))
        try:
            return bytes(piece) if member.method == STORED else zlib_ng.decompressobj(-15).decompress(piece, 8 * _CHUNK)
        except zlib_ng.error:  # type: ignore[misc]  # the stub has a class, mypy sees a variable
            return b""

    def _inflated(self, member: Member) -> Iterator[bytes]:
        decoder = zlib_ng.decompressobj(-15)
        try:
            for piece in self.raw(member):
                data = decoder.decompress(piece, _CHUNK)
                while data:
                    yield data
                    data = decoder.decompress(decoder.unconsumed_tail, _CHUNK)
        except zlib_ng.error as error:  # type: ignore[misc]  # the stub has a class, mypy sees a variable
            raise hostile(self.what, f"`{member.name}` is not a deflate stream: {error}") from None
        if not decoder.eof or decoder.unused_data:
            raise hostile(self.what, f"`{member.name}` does not end where the directory says")

    def _data(self, member: Member) -> int:
        """Return where the member's data begins, after its local header was found to agree with the directory."""
        return self.starts.get(member.header) or self._after_header(member)

    def _after_header(self, member: Member) -> int:
        fixed = bytes(self.source.read_at(member.header, _LOCAL.size))
        if len(fixed) < _LOCAL.size or fixed[:4] != b"PK\x03\x04":
            raise hostile(self.what, f"`{member.name}` has no local header where the directory says")
        _, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = _LOCAL.unpack(fixed)
        rest = bytes(self.source.read_at(member.header + _LOCAL.size, name_length + extra_length))
        extra = extra_fields(rest[name_length:], rest[:name_length], self.what)
        if 0xFFFFFFFF in {compressed, size}:
            size, compressed, _ = zip64(self.what, extra, size, compressed, 0)
        stated = (rest[:name_length], method, bool(flags & DESCRIPTOR))
        numbers = zip((crc, compressed, size), (member.crc, member.compressed, member.size), strict=True)
        agree = (
            stated == (member.name.encode(), member.method, member.descriptor)
            and not flags & ENCRYPTED
            and (member.name.isascii() or flags & UTF8)
            # A data descriptor has the numbers where the header has none.
            and all(found == wanted or (member.descriptor and found == 0) for found, wanted in numbers)
        )
        if not agree:
            raise hostile(self.what, f"the local header of `{member.name}` disagrees with the directory")
        return member.header + _LOCAL.size + len(rest)


def read(source: Bytes, *, what: str, local_headers: bool = True) -> Archive:
    """Read the directory and check it.

    With *local_headers* false only the directory is looked at, which is all that a reader by ranges has to fetch.
    """
    entries, offset = read_directory(source, what)
    members = [entry for entry in entries if not entry.name.endswith("/")]
    archive = Archive(what=what, source=source, members=tuple(sorted(members, key=lambda member: member.name)))
    if local_headers:
        return msgspec.structs.replace(archive, starts=_check_layout(archive, entries, offset))
    return archive


def _check_layout(archive: Archive, entries: list[Member], directory: int) -> dict[int, int]:
    """Check every local header, and that the entries fill the archive up to its *directory*. Return where data begin.

    A reader that goes from entry to entry would find another file in a gap, and bytes that two entries share are how a
    small archive becomes a large one.
    """
    ordered = sorted(entries, key=lambda entry: (entry.header, entry.name))
    starts = [entry.header for entry in ordered] + [directory]
    if starts[0] > 0:
        raise hostile(archive.what, "something stands before its first entry")
    data: dict[int, int] = {}
    for entry, following in zip(ordered, starts[1:], strict=True):
        data[entry.header] = archive._data(entry)  # noqa: SLF001  # the same module
        end = data[entry.header] + entry.compressed
        if end > following:
            other = "the directory" if following == directory else "another entry"
            raise hostile(archive.what, f"`{entry.name}` shares bytes with {other}")
        if entry.descriptor:
            end = _after_descriptor(archive, entry, end, following)
        if end != following:
            raise hostile(archive.what, f"after `{entry.name}` are bytes that its directory does not name")
    return data


def _after_descriptor(archive: Archive, member: Member, position: int, following: int) -> int:
    """Return where the data descriptor at *position* ends. It must repeat the directory's numbers.

    Its signature is optional and its sizes have four or eight bytes, so the forms are tried; one that reaches up to
    what is *following* is the best.
    """
    data = bytes(archive.source.read_at(position, min(24, following - position)))
    ends = []
    for form in ("<4sIII", "<4sIQQ", "<III", "<IQQ"):
        numbers = struct.unpack_from(form, data) if len(data) >= struct.calcsize(form) else ()
        if numbers[:1] == (b"PK\x07\x08",):
            numbers = numbers[1:]
        if numbers == (member.crc, member.compressed, member.size):
            ends.append(position + struct.calcsize(form))
    if not ends:
        raise hostile(archive.what, f"the data descriptor of `{member.name}` disagrees with the directory")
    return following if following in ends else ends[0]
