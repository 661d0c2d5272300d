"""What lies in a layout that was just written: documents and trees, read with the standard library alone."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any, NamedTuple


class Written(NamedTuple):
    """An image in a layout, as an independent reader sees it."""

    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    layers: list[bytes]
    """The tar archives, decompressed."""

    @property
    def run(self) -> dict[str, Any]:
        config: dict[str, Any] = self.config["config"]
        return config


def blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def index_of(layout: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((layout / "index.json").read_bytes())
    return document


def read_layout(layout: Path, number: int = 0) -> Written:
    """Return one image of a layout."""
    return read_image(layout, index_of(layout)["manifests"][number]["digest"])


def read_image(layout: Path, digest: str) -> Written:
    manifest = json.loads(blob(layout, digest))
    layers = [blob(layout, each["digest"]) for each in manifest["layers"]]
    return Written(
        digest=digest,
        manifest=manifest,
        config=json.loads(blob(layout, manifest["config"]["digest"])),
        layers=[gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data for data in layers],
    )


def entries(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        return {info.name: info for info in archive}


def contents(*layers: bytes) -> dict[str, bytes]:
    """Return every regular file of *layers*, by path."""
    found = {}
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            for info in archive:
                stream = archive.extractfile(info) if info.isreg() else None
                if stream is not None:
                    found[info.name] = stream.read()
    return found
