"""What is in an image, as far as slimming has to know it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import posixpath
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

from tare.bases.tree import Tree
from tare.errors import HostileInputError
from tare.flow.bases.omitted import uses_libdb
from tare.flow.slim.whiteouts import Noted, links_to_below
from tare.measure.contents import MAX_UNPACKED
from tare.measure.taking import MAX_NAMES
from tare.oci.tar import Entry, TarReader
from tare.plan.slim import in_packages
from tare.wheels import conversion, strip
from tare.wheels.kinds import inside
from tare.wheels.mentions import MAX_SOURCE, mentions, reads_stub

_MAX_RECORD: Final = 16 * 1024 * 1024
_MAGIC: Final = b"\x7fELF"


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

    def __init__(self, path: str, layer: int, number: int, size: int) -> None:
        self.path = path
        """As its layer has it."""
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
        """Files that a container sees, by their path, of which one may have several."""
        self.fixed: set[str] = set()
        """Paths in `live` of files that stay, since a later layer has a link to them."""
        self.dead: list[Seen] = []
        """Files that a later layer replaces or removes."""
        self._number = 0
        self._names = 0
        self.unpacked = 0
        """Bytes of all files."""
        self.entries: list[list[Noted]] = []
        """All that is in each layer."""

    def noting(self, reader: TarReader) -> TarReader:
        """Return *reader*, which notes what it reads."""
        return cast("TarReader", _Noting(reader, self._note))

    def begin(self, layer: int) -> None:
        """Begin with a layer."""
        self.layers = layer + 1
        self.entries.append([])
        self._number = 0

    def _note(self, entry: Entry) -> None:
        self._names += len(entry.path) + len(entry.target)
        self.unpacked += entry.size
        if self._names > MAX_NAMES:
            raise HostileInputError("the paths of the image are too long", causes=(f"more than {MAX_NAMES:,} bytes",))
        if self.unpacked > MAX_UNPACKED:
            raise HostileInputError(f"the image has more than {MAX_UNPACKED:,} bytes")
        self.entries[-1].append((entry.path, entry.kind, entry.target))

    def take(self, path: str, reader: TarReader, size: int) -> Seen:
        """Read what matters of a file."""
        seen = Seen(path, self.layers - 1, self._number, size)
        self._number += 1
        self.seen.append(seen)
        name = path.rpartition("/")[2]
        if name.endswith(".py") and 0 < size <= MAX_SOURCE:
            self._source(seen, path, reader.read())
        elif name == "RECORD" and path.endswith(".dist-info/RECORD") and size <= _MAX_RECORD:
            seen.record = reader.read()
        elif size > 64 and "/gconv/" not in path and (head := reader.read(4)) == _MAGIC:
            if size <= strip.MAX_CUT:
                self._elf(seen, path, head + reader.read())
            else:
                self._large_elf(seen, head, reader)
        return seen

    def finish(self, tree: Tree) -> None:
        """Tell what a container sees from what is dead."""
        found = {path[1:]: node.clue for path, node in tree.walk() if node.clue is not None}
        self.live = {path: found[path] for path in sorted(found)}
        linked = links_to_below(self.entries)
        self.fixed = {path for path, seen in self.live.items() if seen.path in linked}
        alive = {id(seen) for seen in found.values()}
        self.dead = [seen for seen in self.seen if id(seen) not in alive and seen.path not in linked]

    def names(self) -> dict[int, list[str]]:
        """Return the paths of each file that a container sees, by the file's identity."""
        names: dict[int, list[str]] = {}
        for path, seen in self.live.items():
            names.setdefault(id(seen), []).append(path)
        return names

    def records(self, gone: set[str], cut: set[str]) -> Iterator[tuple[str, bytes]]:
        """Yield each RECORD that has to say something else, by its path."""
        for path, seen in self.live.items():
            if seen.record is not None and path not in gone and path not in self.fixed:
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
        seen.libdb = uses_libdb(path, data)
        seen.iconv = not _is_own(path) and conversion.uses_iconv(data)
        if in_packages(path) and ".libs/" not in path:
            seen.cut = strip.cut(data)
            if seen.cut is not None:
                seen.digest = hashlib.sha256(seen.cut.apply(data)).digest()

    def _large_elf(self, seen: Seen, head: bytes, reader: TarReader) -> None:
        """Look for what a file needs that is too large to be held."""
        last = head
        for piece in reader.chunks():
            text = last + piece
            seen.iconv = seen.iconv or (conversion.NAME in text and not _is_own(seen.path))
            seen.libdb = seen.libdb or b"\0libdb-5" in text
            last = text[-16:]


def _is_own(path: str) -> bool:
    """Whether a library defines or names `iconv_open`, and converts nothing by itself."""
    return path.rpartition("/")[2].startswith(("libc.so", "libc-", "libstdc++", "ld-"))


class _Noting:
    """A reader that notes what it reads."""

    def __init__(self, reader: TarReader, note: Callable[[Entry], None]) -> None:
        self._reader = reader
        self._note = note

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._reader:
            self._note(entry)
            yield entry

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the reader has
        return getattr(self._reader, name)
