"""Image layouts: the directory itself, and the names of everything in it.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from tare.oci import media_types
from tare.oci.validate import annotation, documents, index, shape
from tare.oci.validate.fields import Fields
from tare.oci.validate.findings import Report, shown
from tare.oci.validate.index import Entry
from tare.oci.validate.limits import Limits
from tare.oci.validate.source import open_regular
from tare.oci.validate.walk import Walk

MARKER: Final = "oci-layout"
INDEX: Final = "index.json"
BLOBS: Final = "blobs"

_ALGORITHM: Final = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*")
_ENCODED: Final = re.compile(r"[a-zA-Z0-9=_-]+")
_REGISTERED: Final = {"sha256": re.compile(r"[0-9a-f]{64}"), "sha512": re.compile(r"[0-9a-f]{128}")}
_CHUNK: Final = 1024 * 1024


class LayoutCheck:
    """Checks the layout *directory*: all of it, or only what is under one tag."""

    def __init__(self, directory: Path, report: Report, limits: Limits) -> None:
        self._directory = directory
        self._report = report
        self._limits = limits

    def run(self, walk: Walk, tag: str | None) -> None:
        """Check the layout, and with *walk* what its index names."""
        if not self._directory.is_dir():
            self._report.add("O001", shown(str(self._directory)), "expected the directory of a layout, found none")
            return
        self._check_marker()
        if not (self._directory / BLOBS).is_dir():
            self._report.add("O006", BLOBS, "expected a directory, found none")
        raw = self._read(INDEX, "O005")
        if raw is not None:
            self._check_index(raw, walk, tag)
        if tag is None:
            self._check_blobs(walk.compared)

    def _check_index(self, raw: bytes, walk: Walk, tag: str | None) -> None:
        value = walk.parse(raw, INDEX)
        if value is None or shape.of(value, media_types.INDEX, INDEX, self._report) is None:
            return
        entries = index.check(value, INDEX, self._report, layout=True)
        self._check_tags(entries)
        if tag is not None:
            entries = [entry for entry in entries if entry.stated.annotations.get(annotation.REFERENCE) == tag]
            if not entries:
                self._report.add("O010", INDEX, f"expected an entry with the tag `{shown(tag)}`, found none")
        walk.entries(entries, ())

    def _check_tags(self, entries: list[Entry]) -> None:
        seen: dict[str, str] = {}
        for entry in entries:
            tag = entry.stated.annotations.get(annotation.REFERENCE)
            if tag is not None and seen.setdefault(tag, entry.stated.digest) != entry.stated.digest:
                message = f"expected one image with the tag `{shown(tag)}`, found another after {seen[tag]}"
                self._report.add("O011", entry.stated.where, message)

    def _check_marker(self) -> None:
        raw = self._read(MARKER, "O002")
        value = None if raw is None else documents.parse(raw, MARKER, self._report, self._limits)
        if value is None:
            return
        version = Fields(value, MARKER, "", self._report, code="O003").string("imageLayoutVersion", required=True)
        if version is not None and version != "1.0.0":
            message = f"expected `1.0.0`, found `{shown(version)}`"
            self._report.add("O004", f"{MARKER} imageLayoutVersion", message)

    def _read(self, name: str, missing: str) -> bytes | None:
        try:
            with open_regular(self._directory / name) as file:
                return file.read(self._limits.document + 1)
        except FileNotFoundError:
            self._report.add(missing, name, "expected a file, found none")
        except OSError as error:
            self._report.add("O009", name, f"expected a regular file, found that {error.strerror or error}")
        return None

    def _check_blobs(self, compared: set[str]) -> None:
        """Check that every blob lies under its own digest, also those that nothing names; *compared* has the others."""
        for algorithm in self._list(self._directory / BLOBS):
            if _ALGORITHM.fullmatch(algorithm.name) is None:
                self._report.add(
                    "O007", f"{BLOBS}/{shown(algorithm.name)}", "expected the name of a digest's algorithm"
                )
            elif not algorithm.is_dir(follow_symlinks=True):
                self._report.add("O007", f"{BLOBS}/{algorithm.name}", "expected a directory, found a file")
            else:
                for blob in self._list(Path(algorithm.path)):
                    if f"{algorithm.name}:{blob.name}" not in compared:
                        self._check_blob(algorithm.name, blob)

    def _list(self, directory: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return []  # That it is missing was told.

    def _check_blob(self, algorithm: str, blob: os.DirEntry[str]) -> None:
        where = f"{BLOBS}/{algorithm}/{shown(blob.name)}"
        pattern = _REGISTERED.get(algorithm)
        if (pattern or _ENCODED).fullmatch(blob.name) is None:
            self._report.add("O007", where, "expected the encoded part of a digest")
        elif pattern is not None:
            self._check_content(algorithm, blob, where)

    def _check_content(self, algorithm: str, blob: os.DirEntry[str], where: str) -> None:
        digest = hashlib.new(algorithm)
        try:
            with open_regular(Path(blob.path)) as file:
                while data := file.read(_CHUNK):
                    digest.update(data)
        except OSError as error:
            self._report.add("O009", where, f"expected a regular file, found that {error.strerror or error}")
            return
        if digest.hexdigest() != blob.name:
            self._report.add("O008", where, f"expected content of that digest, found {algorithm}:{digest.hexdigest()}")
