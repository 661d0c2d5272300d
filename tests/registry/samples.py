"""Images to push and pull, and clients that do not wait."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import time
from collections.abc import Iterator
from typing import Any

from fixture_registry import Registry, running

from tare.errors import TareError
from tare.net.connection import Limits
from tare.oci import media_types
from tare.oci import reference as references
from tare.oci.config import ImageConfig, RootFS
from tare.oci.image import Image, ImageIndex, MemoryBlob, make_image, make_index, memory_blob
from tare.oci.reference import Reference
from tare.stores.registry.repository import Registries
from tare.stores.registry.settings import Clock, Settings

USER, PASSWORD = "robot", "correct-horse-battery"

FAST = Limits(connect=2.0, answer=1.0, silence=1.0, rate=1024, window=0.5)


def noise(name: str, size: int) -> bytes:
    """Return *size* bytes that depend on *name* alone."""
    return hashlib.shake_128(name.encode()).digest(size)


def sample_image(
    name: str = "sample", *, sizes: tuple[int, ...] = (70_000, 3_000, 500), architecture: str = "amd64"
) -> Image:
    """Return an image whose layers are noise: a registry does not look into them."""
    layers: tuple[MemoryBlob, ...] = tuple(
        memory_blob(noise(f"{name} {number}", size), media_types.LAYER_GZIP) for number, size in enumerate(sizes)
    )
    diff_ids = tuple(layer.descriptor.digest for layer in layers)
    config = ImageConfig(architecture=architecture, os="linux", rootfs=RootFS(type="layers", diff_ids=diff_ids))
    return make_image(config, layers, {"org.opencontainers.image.title": name})


def sample_index(name: str = "sample") -> ImageIndex:
    return make_index((sample_image(name), sample_image(name, architecture="arm64")), {})


def seed(registry: Registry, image: Image, repository: str = "team/app", tag: str = "1") -> None:
    """Put *image* into *registry* without a client."""
    for blob in image.blobs:
        with blob.open() as stream:
            registry.add_blob(repository, stream.read())
    registry.add_manifest(repository, tag, image.raw, image.descriptor.media_type)


def reference_to(registry: Registry, repository: str = "team/app", tag: str = "1") -> Reference:
    return references.parse(f"{registry.name}/{repository}:{tag}")


class Waits:
    """A clock whose sleeps take no time, but are counted and move it on."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.clock = Clock(monotonic=self._now, sleep=self.slept.append, jitter=lambda: 0.5)

    def _now(self) -> float:
        return time.monotonic() + sum(self.slept)


def client(
    waits: Waits | None = None, warn: list[str] | None = None, note: list[str] | None = None, **settings: Any
) -> Registries:
    """Return a client that gives up soon and does not wait in between."""
    chosen = Settings(**{"limits": FAST, "deadline": 600.0, **settings})
    warnings = [] if warn is None else warn
    notes = [] if note is None else note
    made = Registries(chosen, clock=(waits or Waits()).clock, warn=warnings.append, note=notes.append)
    _made.append(made)
    return made


_made: list[Registries] = []


@contextlib.contextmanager
def a_registry(*, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Registry]:
    """Run a registry, and close every client that was made for it."""
    with running(context=context, host=host) as registry:
        try:
            yield registry
        finally:
            close_clients()


def close_clients() -> None:
    """Close every client that was made so far."""
    while _made:
        _made.pop().close()


def told(error: TareError) -> str:
    """Return *error* as the command line renders it."""
    lines = [error.message, *(f"  {cause}" for cause in error.causes), *(f"hint: {hint}" for hint in error.hints)]
    return "\n".join(lines)
