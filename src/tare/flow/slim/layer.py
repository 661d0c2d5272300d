"""A layer without some of its files: a tar stream that is copied, entry by entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

from tare.oci import tar_header
from tare.oci.tar import TarReader
from tare.wheels.strip import Cut

Change = Cut | bytes | None
"""What becomes of a file: it is cut, has another content, or goes."""


def rewritten(
    stream: BinaryIO, changes: Mapping[int, Change], *, what: str, without: frozenset[str] = frozenset()
) -> Iterator[bytes]:
    """Yield the archive in *stream* with *changes* made, which are by the number of the file in it.

    *without* are paths of whiteouts that go, too, as there is nothing left that they hide.
    Hard links to what goes go with it. Directories that lose their last file stay: another layer may need their modes.
    """
    tee = _Tee(stream)
    reader = TarReader(cast("BinaryIO", tee), what=what)
    number = -1
    before = 0
    gone: set[str] = set()
    for entry in reader:
        header = tee.taken()[before:]
        before = tar_header.padding(entry.size)
        counted = entry.kind == "file" and _is_file(entry.path)
        number += counted
        if entry.path in without:
            for _ in reader.chunks():
                tee.taken()
            continue
        if (counted and number in changes and changes[number] is None) or (
            entry.kind == "hardlink" and _plain(entry.target) in gone
        ):
            gone.add(entry.path)
            for _ in reader.chunks():
                tee.taken()
            continue
        gone.discard(entry.path)
        change = changes.get(number) if counted else None
        if change is None:
            yield header
            for chunk in reader.chunks():
                yield chunk
                tee.taken()
            yield bytes(before)
        else:
            data = reader.read()
            tee.taken()
            new = change if isinstance(change, bytes) else change.apply(data)
            yield _sized(header, len(new)) + new + bytes(tar_header.padding(len(new)))
    yield tar_header.END


def _is_file(path: str) -> bool:
    """Whether a file of that path is one, and no whiteout: those are not counted when an image is read."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return bool(parts) and not parts[-1].startswith(".wh.")


def _plain(path: str) -> str:
    return path.removeprefix("./").lstrip("/")


_pax_size = re.compile(rb"(?<=[\0\n])([0-9]+ size=)([0-9]+)(?=\n)")


def _sized(header: bytes, size: int) -> bytes:
    """Return a header with another size. A file whose size needs more than the field is never changed.

    A record `size` of a pax header counts more than the field. It keeps its length, with zeros before the number.
    """
    extended, block = header[: -tar_header.BLOCK], header[-tar_header.BLOCK :]
    extended = _pax_size.sub(lambda found: found[1] + b"%0*d" % (len(found[2]), size), extended)
    block = block[:124] + b"%011o\0" % size + block[136:148] + b" " * 8 + block[156:]
    return extended + block[:148] + b"%06o\0 " % sum(block) + block[156:]


class _Tee:
    """A stream that remembers what was read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._pieces: list[bytes] = []

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._pieces.append(data)
        return data

    def taken(self) -> bytes:
        """Return what was read since the last call."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data
