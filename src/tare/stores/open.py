"""From the name of an image to the place that it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from tare.errors import UsageError
from tare.oci.reference import Reference
from tare.stores.interface import ImageDestination, ImageSource
from tare.stores.names import ArchiveName, DaemonName, ImageName, LayoutName, RegistryName

if TYPE_CHECKING:
    from tare.stores.registry.repository import Registries


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the stores need from outside, read once by the command line."""

    docker_host: str
    """The address of the Docker Engine, spelled as in `DOCKER_HOST`."""

    stdin: BinaryIO | None = None
    stdout: BinaryIO | None = None

    scratch: Path | None = None
    """Where large temporary files go; the system's place by default."""

    registries: Callable[[], Registries] | None = None
    """Gives the connections to registries, when one is named."""

    progress: Callable[[int], None] = lambda _: None
    """Is told how many bytes went to a registry."""


def open_source(name: ImageName, surroundings: Surroundings) -> ImageSource:
    """Return the source that *name* names."""
    match name:
        case LayoutName():
            from tare.stores.layout import LayoutSource

            return LayoutSource(Path(name.directory), name.tag)
        case ArchiveName():
            from tare.stores.archive import ArchiveSource

            stream = surroundings.stdin if name.file == "-" else None
            return ArchiveSource(stream or Path(name.file), name.reference, scratch=surroundings.scratch)
        case DaemonName():
            from tare.stores.daemon import DaemonSource

            return DaemonSource(name, host=surroundings.docker_host, scratch=surroundings.scratch)
        case RegistryName() if surroundings.registries is not None:
            from tare.stores.registry.source import RegistrySource

            return RegistrySource(surroundings.registries(), name.reference)
    raise UsageError(f"`{name}` is not an image that can be read", hints=(_READABLE,))


def open_destination(
    name: ImageName, references: tuple[Reference, ...], surroundings: Surroundings, *, mtime: int
) -> ImageDestination:
    """Return the destination that *name* names.

    *references* are names for the image beside the one that *name* may have. *mtime* is the time of what is written.
    A place on this machine that has something else in it is refused here, before anything is made for it.
    """
    match name:
        case LayoutName():
            from tare.stores.layout_writer import LayoutDestination

            tags = (name.tag,) if name.tag else tuple(reference.familiar for reference in references)
            layout = LayoutDestination(Path(name.directory), tags)
            layout.check()
            return layout
        case ArchiveName():
            from tare.stores.archive_writer import ArchiveDestination, StreamDestination

            references = (name.reference,) if name.reference else references
            if name.file == "-":
                if surroundings.stdout is None:
                    raise UsageError(
                        f"`{name}` is standard output, which has the answer of this command",
                        hints=("Write the archive to a file",),
                    )
                return StreamDestination(surroundings.stdout, references, mtime=mtime)
            archive = ArchiveDestination(Path(name.file), references, mtime=mtime)
            archive.check()
            return archive
        case DaemonName(reference=Reference() as reference):
            from tare.stores.daemon import DaemonDestination

            return DaemonDestination((reference, *references), host=surroundings.docker_host)
        case RegistryName() if surroundings.registries is not None:
            from tare.stores.registry.destination import RegistryDestination

            return RegistryDestination(surroundings.registries(), name.reference, progress=surroundings.progress)
    raise UsageError(f"`{name}` is not a place that an image can be written to", hints=(_WRITABLE,))


_READABLE = "Read from `oci:DIR[:TAG]`, `docker-archive:FILE`, `docker-daemon:REF` or `docker://REF`"
_WRITABLE = "Write to `oci:DIR[:TAG]`, `docker-archive:FILE`, `docker-daemon:REF` or `docker://REF`"
