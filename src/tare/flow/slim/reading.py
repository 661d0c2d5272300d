"""What is in an image, as far as slimming has to know it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import posixpath
from collections.abc import Iterator
from typing import Any, cast

from tare.bases.tree import Tree
from tare.flow.bases.omitted import uses_iconv, uses_libdb
from tare.flow.slim.whiteouts import Noted
from tare.oci.tar import Entry, TarReader
from tare.plan.slim import in_packages
from tare.wheels import strip
from tare.wheels.kinds import inside
from tare.wheels.mentions import MAX_SOURCE, mentions, reads_stub

_MAX_RECORD = 16 * 1024 * 1024
_SMALL = 8**11 - 1
"""Bytes of a file whose size stands in the header's own field."""


class Seen:
    """A file of a layer. Not a frozen value, since there are hundreds of thousands."""

    __slots__ = (
        "cut",
        "digest",
        "iconv",
        "layer",
        "libdb",
        "mentions",
        "number",
        "path",
        "reads_stub",
        "record",
        "size",
    )

    def __init__(self, layer: int, number: int, size: int) -> None:
        self.layer = layer
        self.number = number
        """Among the files of its layer."""
        self.size = size
        self.mentions: tuple[str, ...] = ()
        self.reads_stub = False
        self.iconv = False
        self.libdb = False
        self.cut: strip.Cut | None = None
        self.digest = b""
        """SHA-256 of what a cut leaves."""
        self.record: bytes | None = None


class Reading:
    """Takes what is needed of each file while its layer streams by."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.layers = 0
        self.live: dict[str, Seen] = {}
        """Files that a container sees under one name only, by their path."""
        self.dead: list[Seen] = []
        """Files that a later layer replaces or removes."""
        self._number = 0
        self.entries: list[list[Noted]] = []
        """All that is in each layer."""

    def noting(self, reader: TarReader) -> TarReader:
        """Return *reader*, which notes what it reads."""
        return cast("TarReader", _Noting(reader, self.entries[-1]))

    def begin(self, layer: int) -> None:
        """Begin with a layer."""
        self.layers = layer + 1
        self.entries.append([])
        self._number = 0

    def take(self, path: str, reader: TarReader, size: int) -> Seen:
        """Read what matters of a file."""
        seen = Seen(self.layers - 1, self._number, size)
        self._number += 1
        self.seen.append(seen)
        name = path.rpartition("/")[2]
        if name.endswith(".py") and 0 < size <= MAX_SOURCE:
            self._source(seen, path, reader.read())
        elif name == "RECORD" and path.endswith(".dist-info/RECORD") and size <= _MAX_RECORD:
            seen.record = reader.read()
        elif (".so" in name or "/bin/" in path) and 64 < size <= strip.MAX_CUT and "/gconv/" not in path:
            self._elf(seen, path, reader.read())
        return seen

    def finish(self, tree: Tree) -> None:
        """Tell what a container sees from what is dead."""
        names: dict[int, int] = {}
        found = {path[1:]: node.clue for path, node in tree.walk() if node.clue is not None}
        for seen in found.values():
            names[id(seen)] = names.get(id(seen), 0) + 1
        self.live = {path: found[path] for path in sorted(found) if names[id(found[path])] == 1}
        self.dead = [seen for seen in self.seen if id(seen) not in names]

    def records(self, gone: set[str], cut: set[str]) -> Iterator[tuple[str, bytes]]:
        """Yield each RECORD that has to say something else, by its path."""
        for path, seen in self.live.items():
            if seen.record is not None and path not in gone:
                data = self._record(path, seen.record, gone, cut)
                if data != seen.record:
                    yield path, data

    def _record(self, path: str, data: bytes, gone: set[str], cut: set[str]) -> bytes:
        top = posixpath.dirname(posixpath.dirname(path))
        try:
            rows = list(csv.reader(io.StringIO(data.decode())))
        except (UnicodeDecodeError, csv.Error):
            return data
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        changed = False
        for row in rows:
            place = posixpath.normpath(posixpath.join(top, row[0])).lstrip("/") if row else ""
            if place in gone:
                changed = True
            elif place in cut and (known := self.live[place]).cut is not None:
                stated = base64.urlsafe_b64encode(known.digest).rstrip(b"=").decode()
                writer.writerow((row[0], f"sha256={stated}", str(known.cut.size)))
                changed = True
            else:
                writer.writerow(row)
        return text.getvalue().encode() if changed else data

    def _source(self, seen: Seen, path: str, data: bytes) -> None:
        within = inside(path)
        module = within.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        seen.mentions = mentions(module, data, package=within.endswith("/__init__.py"))
        seen.reads_stub = reads_stub(data)

    def _elf(self, seen: Seen, path: str, data: bytes) -> None:
        name = path.rpartition("/")[2]
        seen.libdb = uses_libdb(path, data)
        seen.iconv = not name.startswith(("libc.so", "libc-", "libstdc++", "ld-")) and uses_iconv(data)
        if in_packages(path) and ".libs/" not in path:
            seen.cut = strip.cut(data)
            if seen.cut is not None:
                seen.digest = hashlib.sha256(seen.cut.apply(data)).digest()


class _Noting:
    """A reader that notes what it reads."""

    def __init__(self, reader: TarReader, notes: list[Noted]) -> None:
        self._reader = reader
        self._notes = notes

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._reader:
            self._notes.append((entry.path, entry.kind, entry.target))
            yield entry

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the reader has
        return getattr(self._reader, name)
