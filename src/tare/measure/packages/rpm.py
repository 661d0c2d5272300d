"""Files of RPM's packages, from a database of SQLite or NDB. One of Berkeley DB is not read.

A database holds a header for each package: an index of tags, and a store of values.
https://rpm-software-management.github.io/rpm/manual/format_header.html
https://github.com/rpm-software-management/rpm/blob/master/lib/backend/ndb/rpmpkg.cc
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from tare.measure.packages.package import Package, Paths

_DIRECTORIES: Final = ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
_NAME, _VERSION, _RELEASE, _EPOCH = 1000, 1001, 1002, 1003
_INDEXES, _BASENAMES, _DIRNAMES = 1116, 1117, 1118
_WANTED: Final = frozenset({_NAME, _VERSION, _RELEASE, _EPOCH, _INDEXES, _BASENAMES, _DIRNAMES})
_INT32, _STRING, _STRINGS = 4, 6, 8
_MAX_ENTRIES: Final = 100_000

Value = str | list[str] | list[int]


def unreadable(paths: Paths) -> bool:
    """Whether there is a database that tare cannot read."""
    return any(
        f"{directory}/{name}" in paths.by_path and paths.data(f"{directory}/{name}") is None
        for directory in _DIRECTORIES
        for name in ("Packages", "rpmdb.sqlite", "Packages.db")
    )


def packages(paths: Paths) -> Iterator[tuple[Package, list[str]]]:
    """Yield every package with its files. A header that is not sound is passed over."""
    for directory in _DIRECTORIES:
        if (data := paths.data(f"{directory}/rpmdb.sqlite")) is not None:
            headers: Iterable[bytes] = _sqlite(data)
        elif (data := paths.data(f"{directory}/Packages.db")) is not None:
            headers = _ndb(data)
        else:
            continue
        for header in headers:
            with contextlib.suppress(struct.error, IndexError, ValueError):
                found = _package(_read(header))
                if found is not None:
                    yield found


def _package(tags: dict[int, Value]) -> tuple[Package, list[str]] | None:
    name, version, release = (tags.get(tag) for tag in (_NAME, _VERSION, _RELEASE))
    if not isinstance(name, str) or name == "gpg-pubkey":
        return None
    epoch = tags.get(_EPOCH)
    prefix = f"{epoch[0]}:" if isinstance(epoch, list) and epoch else ""
    basenames, dirnames, indexes = (tags.get(tag, []) for tag in (_BASENAMES, _DIRNAMES, _INDEXES))
    files = [
        f"{dirnames[index]}{base}"
        for base, index in zip(basenames, indexes, strict=False)
        if isinstance(index, int) and 0 <= index < len(dirnames)
    ]
    return Package("rpm", name, f"{prefix}{version}-{release}"), files


def _sqlite(data: bytes) -> list[bytes]:
    """Return the headers of a database of SQLite, opened in memory and with nothing of it trusted."""
    import sqlite3

    # A database with a write-ahead log cannot be opened in memory; without the log file it is a plain one.
    # https://www.sqlite.org/fileformat2.html#file_format_version_numbers
    plain = data[:18] + b"\x01\x01" + data[20:]
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.deserialize(plain)
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            rows = connection.execute("SELECT blob FROM Packages").fetchall()
        except sqlite3.Error:
            return []
    return [row[0] for row in rows if isinstance(row[0], bytes)]


def _ndb(data: bytes) -> Iterator[bytes]:
    """Yield the headers of a database of NDB: a table of slots, and blobs in blocks of 16 bytes."""
    if len(data) < 32 or data[:4] != b"RpmP":
        return
    (pages,) = struct.unpack_from("<I", data, 12)
    for offset in range(32, min(pages * 4096, len(data) - 16), 16):
        magic, index, start, count = struct.unpack_from("<4sIII", data, offset)
        if magic != b"Slot" or not index or not count:
            continue
        begin = start * 16
        head = data[begin : begin + 16]
        if len(head) == 16 and head[:4] == b"BlbS":
            (length,) = struct.unpack_from("<I", head, 12)
            yield data[begin + 16 : begin + 16 + length]


def _read(header: bytes) -> dict[int, Value]:
    """Return the tags of a header that are looked at."""
    count, size = struct.unpack_from(">II", header)
    if count > _MAX_ENTRIES:
        return {}
    store = header[8 + 16 * count : 8 + 16 * count + size]
    tags: dict[int, Value] = {}
    for number in range(count):
        tag, kind, offset, amount = struct.unpack_from(">IIII", header, 8 + 16 * number)
        if tag in _WANTED and amount <= len(store):
            value = _value(store, kind, offset, amount)
            if value is not None:
                tags[tag] = value
    return tags


def _value(store: bytes, kind: int, offset: int, amount: int) -> Value | None:
    if kind == _INT32:
        return list(struct.unpack_from(f">{amount}I", store, offset))
    if kind == _STRING:
        return store[offset : store.index(b"\0", offset)].decode("utf-8", "replace")
    if kind == _STRINGS:
        # One more than wanted: what follows the last text is not split.
        return [text.decode("utf-8", "replace") for text in store[offset:].split(b"\0", amount)[:amount]]
    return None
