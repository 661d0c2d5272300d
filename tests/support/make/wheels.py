"""Wheels: sound ones of any shape, and ones with a defect."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from make.zips import Entry, write_zip
from tare.oci.digest import sha256
from tare.wheels import archive as archives
from tare.wheels import wheel as wheels
from tare.wheels.wheel import Wheel

FILENAME = "sample-1.0-py3-none-any.whl"
DIST_INFO = "sample-1.0.dist-info"
METADATA = b"Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

Row = tuple[str, ...]


class Held:
    """An archive's bytes, at hand."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of *data* as RECORD spells it."""
    hashed = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(hashed).rstrip(b'=').decode()}"


def row(path: str, data: bytes, algorithm: str = "sha256") -> Row:
    """Return the row of RECORD for a file."""
    return path, digest_of(data, algorithm), str(len(data))


def record_text(rows: Iterable[Row], line_end: str = "\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode()


def entry(name: str, data: bytes | Entry) -> Entry:
    return data if isinstance(data, Entry) else Entry(name=name, data=data)


def make_wheel(
    files: Mapping[str, bytes | Entry],
    *,
    dist_info: str = DIST_INFO,
    metadata: bytes | None = METADATA,
    wheel: bytes | None = WHEEL,
    algorithm: str = "sha256",
    rows: Callable[[list[Row]], Iterable[Row]] = list,
    record: bytes | Entry | None = None,
    entries: Callable[[list[Entry]], Iterable[Entry]] = list,
    **archive: Any,  # the keywords of `write_zip`
) -> bytes:
    """Return a wheel of *files*, with METADATA, WHEEL and RECORD unless they are None or given.

    An `Entry` among *files* may have its fields chosen; its own name counts, not its key. *rows* changes the rows of
    RECORD before it is written, *entries* the entries of the archive, and the rest is for `write_zip`.
    """
    own = {f"{dist_info}/METADATA": metadata, f"{dist_info}/WHEEL": wheel}
    listed = [entry(name, data) for name, data in files.items()]
    listed += [Entry(name=name, data=data) for name, data in own.items() if data is not None and name not in files]
    path = f"{dist_info}/RECORD"
    if path not in files:
        listed.append(_record(path, listed, record, rows, algorithm))
    return write_zip(list(entries(listed)), **archive)


def _record(
    path: str,
    listed: list[Entry],
    record: bytes | Entry | None,
    rows: Callable[[list[Row]], Iterable[Row]],
    algorithm: str,
) -> Entry:
    if isinstance(record, Entry):
        return record
    if record is None:
        named = [(item.raw_name.decode("utf-8", "replace"), item) for item in listed]
        signatures = (f"{path}.jws", f"{path}.p7s")
        found = [row(name, item.data, algorithm) for name, item in named if name[-1:] != "/" and name not in signatures]
        record = record_text(rows([*found, (path, "", "")]))
    return Entry(name=path, data=record)


def open_bytes(data: bytes, filename: str = FILENAME) -> Wheel:
    """Read a wheel that is at hand, as strictly as one that lies in a file."""
    archive = archives.read(Held(data), what=f"`{filename}`")
    return wheels.read(archive, filename=filename, digest=sha256(data))


def contents(wheel: Wheel) -> dict[str, bytes]:
    """Return every file, checked against RECORD."""
    return {member.name: b"".join(wheel.content(member)) for member in wheel.archive.members}
