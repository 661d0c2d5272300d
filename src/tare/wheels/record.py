"""RECORD: what a wheel says of its own files, held against them both ways.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/ (PEP 376, 627)
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.errors import HostileInputError
from tare.wheels.archive import Archive
from tare.wheels.directory import Member, hostile

_ALGORITHMS = {"sha256": 43, "sha384": 64, "sha512": 86}
"""What RECORD may use, with the characters of a digest: PEP 376 leaves it open, and MD5 and SHA-1 prove nothing."""

SIGNATURES: Final = ("RECORD.jws", "RECORD.p7s")
"""Files that cannot be in RECORD, because they sign it."""

_base64 = re.compile(r"[A-Za-z0-9_-]*")


class Recorded(msgspec.Struct, frozen=True):
    """A row of RECORD, without its path."""

    algorithm: str
    """Empty for RECORD itself."""

    hash: str
    """URL-safe base 64 without padding."""


def parse_record(archive: Archive, text: str, dist_info: str) -> dict[str, tuple[str, str, int | None]]:
    """Return algorithm, hash and size by path."""
    rows: dict[str, tuple[str, str, int | None]] = {}
    unsigned = {f"{dist_info}/{name}" for name in ("RECORD", *SIGNATURES)}
    for number, row in _rows(archive, text):
        if len(row) != 3:
            raise hostile(archive.what, f"RECORD line {number} has {len(row)} fields; expected 3")
        path, stated, size = row
        if path in rows:
            raise hostile(archive.what, f"RECORD has two rows for `{path[:200]}`")
        algorithm, _, value = stated.partition("=")
        value = value.rstrip("=")
        if path not in unsigned and (_ALGORITHMS.get(algorithm) != len(value) or not _base64.fullmatch(value)):
            raise hostile(archive.what, f"RECORD has no SHA-2 hash for `{path[:200]}`: it says `{stated[:80]}`")
        if size and not (size.isascii() and size.isdigit() and len(size) < 20):
            raise hostile(archive.what, f"RECORD line {number} says the size is `{size[:40]}`")
        rows[path] = ("", "", None) if path in unsigned else (algorithm, value, int(size) if size else None)
    return rows


def _rows(archive: Archive, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of RECORD that are not empty, with the number of the line on which each ends."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise hostile(archive.what, f"RECORD line {reader.line_num} is not CSV: {error}") from None


def check_record(
    archive: Archive, members: dict[str, Member], record: dict[str, tuple[str, str, int | None]], dist_info: str
) -> None:
    """Compare RECORD with the files both ways, and their sizes."""
    signatures = {f"{dist_info}/{name}" for name in SIGNATURES}
    missing = sorted(members.keys() - record.keys() - signatures)
    ghosts = sorted(record.keys() - members.keys())
    sizes = [
        f"`{path}` has {members[path].size} bytes; RECORD says {size}"
        for path, (_, _, size) in record.items()
        if path in members and size is not None and size != members[path].size
    ]
    problems = (
        *(f"`{path}` is not in RECORD" for path in missing[:3]),
        *(f"RECORD names `{path}`, which is not in the wheel" for path in ghosts[:3]),
        *sizes[:3],
    )
    if problems:
        raise HostileInputError(f"refusing {archive.what}", causes=problems)
    for path in signatures & members.keys():
        record.setdefault(path, ("", "", None))
