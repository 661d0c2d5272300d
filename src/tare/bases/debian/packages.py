"""`Packages`: the index of one suite for one architecture, searched as bytes.

An index has 68,000 stanzas in 56 MB. The names are found in one pass; only stanzas that are asked for are parsed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tare.bases.debian.inflate import inflated
from tare.errors import HostileInputError, IntegrityError

LIMIT: Final = 512 * 1024 * 1024
"""Bytes of an index without its compression."""

_CHUNK: Final = 1024 * 1024

Stanza = Mapping[str, str]
"""The fields of a package."""


class PackagesIndex:
    """One `Packages` file, in memory."""

    def __init__(self, data: bytes | bytearray, *, archive: str) -> None:
        self.archive = archive
        """The suite's directory, such as `trixie-updates`."""
        self._data = data
        self._starts: list[int] = []
        self._by_name: dict[str, tuple[int, ...]] = {}
        for start, value in self._lines(b"Package: "):
            name = value.decode("utf-8", "replace")
            self._by_name[name] = (*self._by_name.get(name, ()), start)
            self._starts.append(start)
        self._providers: dict[str, tuple[str, ...]] | None = None

    def find(self, name: str) -> list[Stanza]:
        """Return the stanzas of the package *name*: one, several where versions lie side by side, or none."""
        return [self._parse(start) for start in self._by_name.get(name, ())]

    def names(self) -> Iterator[str]:
        """Yield the names of all packages."""
        yield from self._by_name

    def providers(self, name: str) -> tuple[str, ...]:
        """Return the packages that provide the virtual package *name*, in the index's order."""
        if self._providers is None:
            self._providers = dict(self._read_providers())
        return self._providers.get(name, ())

    def _read_providers(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for position, value in self._lines(b"Provides: "):
            index = bisect_right(self._starts, position) - 1
            if index < 0:
                continue
            owner = self._line_at(self._starts[index] + len(b"Package: "))
            for item in value.decode("utf-8", "replace").split(","):
                name = item.partition("(")[0].partition(":")[0].strip()
                found[name] = (*found.get(name, ()), owner)
        return found

    def _lines(self, key: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield where each line that begins with *key* begins, and what follows."""
        data, size = self._data, len(key)
        position = 0 if data.startswith(key) else data.find(b"\n" + key) + 1
        while data.startswith(key, position):
            end = data.find(b"\n", position)
            end = len(data) if end < 0 else end
            yield position, bytes(data[position + size : end])
            following = data.find(b"\n" + key, end)
            if following < 0:
                return
            position = following + 1

    def _line_at(self, position: int) -> str:
        end = self._data.find(b"\n", position)
        return self._data[position : len(self._data) if end < 0 else end].decode("utf-8", "replace")

    def _parse(self, start: int) -> Stanza:
        from debian.deb822 import Deb822

        end = self._data.find(b"\n\n", start)
        text = self._data[start : len(self._data) if end < 0 else end].decode("utf-8", "replace")
        return dict(Deb822(text.splitlines()))


def read_packages(path: Path, *, size: int, archive: str) -> PackagesIndex:
    """Read a `Packages.xz` that was verified, and has *size* bytes without its compression: not one more or less."""
    what = f"the index of `{archive}`"
    if size > LIMIT:
        raise HostileInputError(f"{what} has {size:,} bytes", causes=(f"the limit is {LIMIT:,} bytes",))
    data = bytearray(size)
    with path.open("rb") as file, memoryview(data) as view:
        stream = inflated(file, "xz", limit=size, what=what)
        position = 0
        while position < size and (count := stream.readinto(view[position : position + _CHUNK])):  # type: ignore[attr-defined]  # BinaryIO lacks what every BufferedReader has
            position += count
        if position != size or stream.read(1):
            raise IntegrityError(f"{what} is not sound", causes=(f"it has {position:,} bytes; {size:,} were promised",))
    return PackagesIndex(data, archive=archive)
