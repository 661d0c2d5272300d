"""From the name of an image to the place that it names."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec

from tare.errors import UsageError
from tare.oci.reference import Reference
from tare.stores.interface import ImageDestination, ImageSource
from tare.stores.names import ArchiveName, DaemonName, ImageName, LayoutName


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the stores need from outside, read once by the command line."""

    docker_host: str
    """The address of the Docker Engine, spelled as in `DOCKER_HOST`."""

    stdin: BinaryIO | None = None
    stdout: BinaryIO | None = None

    scratch: Path | None = None
    """Where large temporary files go; the system's place by default."""


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
    raise UsageError(f"`{name}` is not an image that can be read", hints=(_READABLE,))


def open_destination(
    name: ImageName, references: tuple[Reference, ...], surroundings: Surroundings, *, mtime: int
) -> ImageDestination:
    """Return the destination that *name* names.

    *references* are names for the image beside the one that *name* may have. *mtime* is the time of what is written.
    """
    match name:
        case LayoutName():
            from tare.stores.layout_writer import LayoutDestination

            tags = (name.tag,) if name.tag else tuple(reference.familiar for reference in references)
            return LayoutDestination(Path(name.directory), tags)
        case ArchiveName():
            from tare.stores.archive_writer import ArchiveDestination, StreamDestination

            references = (name.reference,) if name.reference else references
            if name.file == "-" and surroundings.stdout:
                return StreamDestination(surroundings.stdout, references, mtime=mtime)
            return ArchiveDestination(Path(name.file), references, mtime=mtime)
        case DaemonName(reference=Reference() as reference):
            from tare.stores.daemon import DaemonDestination

            return DaemonDestination((reference, *references), host=surroundings.docker_host)
    raise UsageError(f"`{name}` is not a place that an image can be written to", hints=(_WRITABLE,))


_READABLE = "Read from `oci:DIR[:TAG]`, `docker-archive:FILE` or `docker-daemon:REF`"
_WRITABLE = "Write to `oci:DIR[:TAG]`, `docker-archive:FILE` or `docker-daemon:REF`"
