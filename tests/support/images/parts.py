"""A small sound image, as parts that a case may change before they become bytes with sizes and digests."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard
from make.elves import AMD64, make_elf

from images import tars

Json = Any
Edit = Callable[[Json], object]
RawEdit = Callable[[bytes], bytes]

OCI = "application/vnd.oci.image."
INDEX = OCI + "index.v1+json"
MANIFEST = OCI + "manifest.v1+json"
CONFIG = OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER = "application/vnd.docker."
TAG = "org.opencontainers.image.ref.name"
TIME = "2026-11-24T00:00:00Z"

SUFFIX = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def deflated(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def compressed(data: bytes, compression: str) -> bytes:
    if compression == "gzip":
        return deflated(data)
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)
    return data


PROGRAM = make_elf(machine=AMD64)

BASE = (
    tars.directory("./"),
    tars.directory("etc"),
    tars.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"),
    tars.file("etc/old", b"old\n"),
    tars.directory("tmp", 0o1777),
    tars.directory("usr"),
    tars.directory("usr/bin"),
    tars.file("usr/bin/app", PROGRAM, mode=0o755),
    tars.hardlink("usr/bin/app2", "usr/bin/app"),
    tars.directory("usr/lib"),
    tars.file("usr/lib/libx.so.1", PROGRAM),
    tars.symlink("usr/lib/libx.so", "libx.so.1"),
    tars.symlink("lib", "usr/lib"),
    tars.symlink("run", "/usr"),
    tars.symlink("out", "../../../../etc"),
    tars.symlink("nowhere", "does/not/exist"),
)
TOP = (
    tars.directory("etc"),
    tars.whiteout("etc/.wh.old"),
    tars.directory("srv"),
    tars.file("srv/main.py", b"print('tare')\n" * 40),
)


@dataclass
class Layer:
    """One layer; what is None is computed."""

    tar: bytes
    compression: str = "gzip"
    stored: bytes | None = None
    media_type: str | None = None
    algorithm: str = "sha256"
    absent: bool = False

    def bytes(self) -> bytes:
        return compressed(self.tar, self.compression) if self.stored is None else self.stored

    def descriptor(self) -> dict[str, Json]:
        data = self.bytes()
        media_type = self.media_type or LAYER + SUFFIX[self.compression]
        return {"mediaType": media_type, "digest": digest(data, self.algorithm), "size": len(data)}


@dataclass
class Image:
    """One image in a layout. Every list of edits is applied in order, before what is edited gets its digest."""

    layers: list[Layer] = field(default_factory=lambda: [Layer(tars.archive(*BASE)), Layer(tars.archive(*TOP))])
    config: list[Edit] = field(default_factory=list)
    raw_config: list[RawEdit] = field(default_factory=list)
    manifest: list[Edit] = field(default_factory=list)
    raw_manifest: list[RawEdit] = field(default_factory=list)
    index: list[Edit] = field(default_factory=list)
    raw_index: list[RawEdit] = field(default_factory=list)
    disk: list[Callable[[Path], object]] = field(default_factory=list)
    blobs: list[bytes] = field(default_factory=list)
    """More content for the layout."""

    def top(self, *entries: bytes, end: bytes = tars.END) -> None:
        """Replace the second layer's archive."""
        self.layers[1] = Layer(b"".join(entries) + end)

    def write(self, directory: Path) -> None:
        """Write the layout."""
        directory.mkdir(parents=True)
        store = Store(directory)
        for layer in self.layers:
            if not layer.absent:
                store.put(layer.bytes(), layer.algorithm)
        for blob in self.blobs:
            store.put(blob)
        manifest = store.put(self.manifest_bytes(store))
        entry = {"mediaType": MANIFEST, "digest": digest(manifest), "size": len(manifest)}
        entry["platform"] = {"architecture": "amd64", "os": "linux"}
        entry["annotations"] = {TAG: "1.0"}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        (directory / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
        (directory / "index.json").write_bytes(edited(index, self.index, self.raw_index))
        for change in self.disk:
            change(directory)

    def manifest_bytes(self, store: Store) -> bytes:
        """Return the manifest, once its config is in *store*."""
        config = store.put(self.config_bytes())
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(config), "size": len(config)},
            "layers": [layer.descriptor() for layer in self.layers],
        }
        return edited(manifest, self.manifest, self.raw_manifest)

    def config_bytes(self) -> bytes:
        history: list[Json] = [{"created": TIME, "created_by": "a layer"} for _ in self.layers]
        history.append({"created": TIME, "created_by": "a setting", "empty_layer": True})
        config = {
            "architecture": "amd64",
            "os": "linux",
            "created": TIME,
            "config": {
                "User": "65532:65532",
                "Env": ["PATH=/usr/local/bin:/usr/bin", "LANG=C.UTF-8"],
                "Entrypoint": ["app"],
                "Cmd": ["--serve"],
                "WorkingDir": "/srv",
                "ExposedPorts": {"8080/tcp": {}},
                "Volumes": {"/data": {}},
                "Labels": {"a": "b"},
                "StopSignal": "SIGTERM",
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(layer.tar) for layer in self.layers]},
            "history": history,
        }
        return edited(config, self.config, self.raw_config)


@dataclass
class Store:
    """The blobs of a layout."""

    directory: Path

    def put(self, data: bytes, algorithm: str = "sha256") -> bytes:
        """Write a blob under its digest, and return it."""
        path = self.path(digest(data, algorithm))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    def path(self, of: str) -> Path:
        return self.directory / "blobs" / of.replace(":", "/")


def edited(document: Json, edits: list[Edit], raw_edits: list[RawEdit]) -> bytes:
    """Return *document* as JSON, after all edits."""
    for edit in edits:
        edit(document)
    data = json.dumps(document, separators=(",", ":")).encode()
    for raw_edit in raw_edits:
        data = raw_edit(data)
    return data
