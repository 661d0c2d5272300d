"""Images in a Docker Engine, through its API: no `docker` program is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from tare.errors import NetworkError, UsageError
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.image import Image, ImageIndex
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores import files
from tare.stores.archive import ArchiveSource
from tare.stores.archive_writer import ArchiveWriter
from tare.stores.engine_api import DEFAULT_HOST, EngineApi
from tare.stores.names import DaemonName


class DaemonSource:
    """The image *name* in the engine at *host*. It is fetched into a temporary file under *scratch* when it is read."""

    def __init__(self, name: DaemonName, *, host: str = DEFAULT_HOST, scratch: Path | None = None) -> None:
        self._name = name
        self._api = EngineApi(host)
        self._scratch = scratch
        self._archive: ArchiveSource | None = None

    def read(self, platform: Platform | None = None) -> Image:
        return self._fetched().read(platform)

    def read_all(self) -> Image | ImageIndex:
        return self._fetched().read_all()

    def _fetched(self) -> ArchiveSource:
        if self._archive is None:
            spool = files.unnamed(self._scratch)
            try:
                self._api.save(self._name.text, spool)
            except BaseException:
                spool.close()
                raise
            spool.seek(0)
            self._archive = ArchiveSource(spool)
        return self._archive


class DaemonDestination:
    """Loads images into the engine at *host* under *references*."""

    def __init__(self, references: tuple[Reference, ...], *, host: str = DEFAULT_HOST) -> None:
        if any(reference.digest and not reference.tag for reference in references):
            raise UsageError(
                "an engine cannot load an image under a digest", hints=("Name it as `docker-daemon:NAME:TAG`",)
            )
        self._references = references
        self._api = EngineApi(host)

    def write(self, image: Image | ImageIndex) -> Descriptor:
        found = [self._api.inspect(DaemonName(reference=reference).text) for reference in self._references]
        if not found or any(one is None or one.get("Id") not in _ids(image) for one in found):
            self._load(image, found[0] if found else None)
        return image.descriptor

    def _load(self, image: Image | ImageIndex, previous: Mapping[str, object] | None) -> None:
        """Load *image* without the layers that it shares with what had its name, then if need be with all.

        An engine looks into an archive only for layers that it has not; only with the containerd store it must be all.
        """
        if isinstance(image, Image) and (omitted := _shared(image, previous)):
            with contextlib.suppress(NetworkError):
                self._send(ArchiveWriter(image, self._references, mtime=0, omitted=omitted))
                return
        self._send(ArchiveWriter(image, self._references, mtime=0))

    def _send(self, archive: ArchiveWriter) -> None:
        self._api.load(archive.chunks(), archive.size)


def _ids(image: Image | ImageIndex) -> frozenset[Digest]:
    """Return what an engine's ID of *image* may be: its config's digest, or with the containerd store its own."""
    return frozenset({image.digest, *((image.manifest.config.digest,) if isinstance(image, Image) else ())})


def _shared(image: Image, previous: Mapping[str, object] | None) -> frozenset[Digest]:
    """Return the layers, from the bottom, that the engine has since *previous* has them too."""
    rootfs = previous.get("RootFS") if previous else None
    there = rootfs.get("Layers") if isinstance(rootfs, dict) else None
    shared = set()
    for layer, diff_id, other in zip(image.layers, image.config.rootfs.diff_ids, there or (), strict=False):
        if diff_id != other:
            break
        shared.add(layer.descriptor.digest)
    return frozenset(shared)
