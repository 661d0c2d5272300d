"""Images to be weighed: layers from mappings, compressed in every way that images in the wild are."""

from __future__ import annotations

import gzip
import io
import json
import posixpath
import struct
import zlib
from collections.abc import Callable
from typing import Any

import zstandard
from make.bases import Layer, write_layer
from make.images import image, raw_layer

from tare.measure.contents import Contents, read_image
from tare.measure.weigh import weigh_image
from tare.measure.weighed import Weighed
from tare.oci import media_types
from tare.oci.config import History, ImageConfig
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, sha256
from tare.oci.image import Blob, Image, MemoryBlob, make_image

SITE = "usr/lib/python3.13/site-packages"
PYTHON: Layer = {"usr/lib/python3.13/os.py": b"import sys\n", "usr/lib/python3.13/__pycache__/": None}
"""As much of an interpreter as it takes to be one."""


def image_of(*layers: Layer, **config: Any) -> Image:
    """Return an image of gzip layers."""
    return image(*(raw_layer(write_layer(layer)) for layer in layers), **config)


def read(*layers: Layer) -> Contents:
    return read_image(image_of(*layers), what="an image")


def weighed(*layers: Layer, **config: Any) -> Weighed:
    made = image_of(*layers, **config)
    return weigh_image(read_image(made, what="an image"), made)


def codes(found: Weighed) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return bytes and paths of each finding."""
    return {each.code: (each.bytes, each.paths) for each in found.findings}


def blob_of(data: bytes, media_type: str) -> Blob:
    return MemoryBlob(descriptor=Descriptor(media_type=media_type, digest=sha256(data), size=len(data)), data=data)


def plain(layer: Layer) -> tuple[Blob, Digest]:
    return raw_layer(write_layer(layer), compressed=False)


def zstd(layer: Layer) -> tuple[Blob, Digest]:
    tar = write_layer(layer)
    return blob_of(zstandard.ZstdCompressor().compress(tar), media_types.LAYER_ZSTD), sha256(tar)


def zstd_chunked(layer: Layer) -> tuple[Blob, Digest]:
    """Return a layer of a frame for each block, with a skippable frame at the end, as `podman push` writes it.

    https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md
    """
    tar = write_layer(layer)
    coder = zstandard.ZstdCompressor()
    frames = [coder.compress(tar[start : start + 512]) for start in range(0, len(tar), 512)]
    extra = json.dumps({"version": 1, "entries": []}).encode()
    frames.append(struct.pack("<II", 0x184D2A50, len(extra)) + extra)
    return blob_of(b"".join(frames), media_types.LAYER_ZSTD), sha256(tar)


def estargz(layer: Layer) -> tuple[Blob, Digest]:
    """Return a layer with a gzip member for each block, a table of contents as its last entry, and a footer.

    https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
    """
    table = json.dumps({"version": 1, "entries": [{"name": path} for path in layer]}).encode()
    tar = write_layer({**layer, "stargz.index.json": table})
    members = [gzip.compress(tar[start : start + 512], mtime=0) for start in range(0, len(tar), 512)]
    subfield = b"SG" + struct.pack("<H", 22) + b"%016xSTARGZ" % len(b"".join(members))
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", len(subfield)) + subfield
    footer = head + b"\x01\x00\x00\xff\xff" + struct.pack("<II", zlib.crc32(b""), 0)
    return blob_of(b"".join([*members, footer]), media_types.LAYER_GZIP), sha256(tar)


WAYS: dict[str, Callable[[Layer], tuple[Blob, Digest]]] = {
    "none": plain,
    "gzip": lambda layer: raw_layer(write_layer(layer)),
    "zstd": zstd,
    "zstd:chunked": zstd_chunked,
}


def distribution(name: str, version: str, files: dict[str, bytes], *, site: str = SITE) -> dict[str, bytes]:
    """Return an installed distribution with its RECORD."""
    info = f"{name}-{version}.dist-info"
    every = {**files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nText\n".encode()}
    out = io.StringIO()
    for path in [*every, f"{info}/RECORD"]:
        out.write(f'"{path}",,\n' if "," in path else f"{path},,\n")
    every[f"{info}/RECORD"] = out.getvalue().encode()
    return {posixpath.normpath(f"{site}/{path}"): data for path, data in every.items()}


FILES = {"p/__init__.py": b"1" * 2000, "p/tests/test_a.py": b"2" * 6000, "p/c.so": b"3" * 9000}


def sample() -> Image:
    """Return an image of two layers with a history, of which the second removes something that the first has."""
    made = image(
        plain({**PYTHON, **distribution("p", "1.0", FILES), "var/lib/apt/lists/x": b"4" * 3000}),
        plain({"var/lib/apt/lists/.wh.x": b"", "app/main.py": b"print(1)\n"}),
    )
    history = (
        History(created_by="/bin/sh -c #(nop) ADD file:12 in / "),
        History(created_by="ENV A=1", empty_layer=True),
        History(created_by="RUN /bin/sh -c rm -rf /var/lib/apt/lists/* # buildkit"),
    )
    config = ImageConfig(
        architecture="amd64", os="linux", rootfs=made.config.rootfs, config=made.config.config, history=history
    )
    return make_image(config, made.layers, {})
