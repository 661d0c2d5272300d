"""The plan as data: it prints, compares, and is tested without a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from tare.oci.config import RunConfig
from tare.oci.digest import Digest
from tare.oci.ground import Ground
from tare.oci.platform import Platform
from tare.wheels.scheme import InstalledFile, Provenance, Scheme

LayerKind = Literal["wheel", "wheels", "bytecode", "project"]


class HostFile(NamedTuple):
    """A file of the project, where it lies on the machine that builds."""

    path: str
    digest: Digest


class Link(NamedTuple):
    """A symbolic link."""

    target: str


class PlannedFile(NamedTuple):
    """A file or link that does not come from a wheel."""

    path: str
    """From the image's root, without a leading slash."""

    mode: int

    size: int

    source: HostFile | Link | bytes


class Dropped(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A file that a rule of `--slim` leaves out, or shortens."""

    path: str
    """From the image's root, without a leading slash."""

    size: int
    """Bytes that the image does without."""

    code: str
    """The rule's."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution's part of a layer: a pure function of its wheel, the scheme and where it came from."""

    name: str
    version: str
    filename: str
    """The wheel's."""

    wheel: Digest
    scheme: Scheme
    provenance: Provenance

    files: tuple[InstalledFile, ...]
    """Sorted by path."""

    without: tuple[str, ...] = ()
    """Paths of the wheel that are left to another distribution."""

    dropped: tuple[Dropped, ...] = ()
    """Files of the wheel that the image does without, sorted by path."""

    shortened: tuple[Dropped, ...] = ()
    """Files that lose their end, sorted by path."""

    @property
    def size(self) -> int:
        """Bytes of its files, uncompressed."""
        return sum(file.size for file in self.files)

    @property
    def distribution(self) -> str:
        return f"{self.name} {self.version}"


class PlannedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer to be written."""

    kind: LayerKind
    why: str
    """The reason why these files are a layer of their own, for people."""

    segments: tuple[Segment, ...] = ()
    files: tuple[PlannedFile, ...] = ()
    """What no wheel brought, sorted by path."""

    directories: tuple[str, ...] = ()
    """Directories that exist without a file of this layer in them."""

    ground: Ground = Ground()
    """What the base has on the way to these files, and keeps."""

    @property
    def distributions(self) -> tuple[str, ...]:
        return tuple(segment.distribution for segment in self.segments)

    @property
    def unpacked(self) -> int:
        """Bytes of its regular files."""
        return sum(segment.size for segment in self.segments) + sum(file.size for file in self.files)

    def all_files(self) -> Iterator[InstalledFile | PlannedFile]:
        for segment in self.segments:
            yield from segment.files
        yield from self.files

    def all_directories(self) -> list[str]:
        """Return every directory that the layer's archive has an entry for, parents first."""
        named = self._named_directories()
        return sorted(named if not self.ground.links else parents(f"{self.ground.real(path)}/." for path in named))

    def on(self, ground: Ground) -> PlannedLayer:
        """Return the layer as it is on a base that has *ground*."""
        if not ground.directories and not ground.links:
            return self
        return msgspec.structs.replace(self, ground=ground.under(self._named_directories()))

    def _named_directories(self) -> set[str]:
        return parents(file.path for file in self.all_files()) | parents(f"{path}/." for path in self.directories)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides an image's bytes, for one platform."""

    platform: Platform

    base: str
    """The base's reference, as it was named."""

    base_digest: Digest

    layers: tuple[PlannedLayer, ...]
    """What comes on top of the base, bottom first."""

    run: RunConfig
    """How a container of the image starts."""

    notes: tuple[str, ...] = ()
    """What the person should know about decisions that were made."""


def parents(paths: Iterable[str]) -> set[str]:
    """Return every directory above *paths*.

    >>> sorted(parents(["opt/venv/bin/python"]))
    ['opt', 'opt/venv', 'opt/venv/bin']
    """
    found: set[str] = set()
    for path in paths:
        while (cut := path.rfind("/")) > 0 and (path := path[:cut]) not in found:
            found.add(path)
    return found
