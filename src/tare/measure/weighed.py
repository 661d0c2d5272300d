"""What an image weighs, as a value."""

from __future__ import annotations

import msgspec

from tare.measure.findings import Finding
from tare.oci.digest import Digest


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """The four sizes, and what an engine's own store shows."""

    pull: int | None
    """Compressed bytes of all layers; None where they are not known, as of a daemon's image or a directory."""

    unpacked: int
    """Bytes of the regular files of all layers."""

    rootfs: int
    """Bytes of the regular files that a container sees."""

    waste: int
    """Bytes of unpacked files that no container sees."""

    store: int | None
    """What `docker images` shows under the containerd store: compressed and unpacked layers together."""


class WeighedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer."""

    number: int
    """From 0 at the bottom."""

    digest: Digest | None
    diff_id: Digest | None

    size: int | None
    """Bytes as it is stored, compressed."""

    unpacked: int

    rootfs: int
    """Bytes of its files that a container sees."""

    files: int

    instruction: str
    """What made it; empty if that is not known."""


class WeighedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution."""

    name: str
    version: str
    ecosystem: str
    unpacked: int
    """Bytes of its files that a container sees."""

    files: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of files, a directory, or a file."""

    name: str
    """The kind, or the absolute path."""

    bytes: int
    """Of what a container sees."""

    files: int


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of an image are."""

    digest: Digest | None
    """Of the manifest; None for a directory."""

    platform: str | None
    sizes: Sizes

    layers: tuple[WeighedLayer, ...]
    """Bottom first."""

    distributions: tuple[WeighedPackage, ...]
    """The largest first."""

    unattributed: int
    """Bytes of files that no package has a record of."""

    site_packages: tuple[int, int]
    """Bytes in `site-packages` and `dist-packages`, and those of them that no package has a record of."""

    kinds: tuple[Part, ...]
    directories: tuple[Part, ...]
    """Those with the most bytes, none within another unless it has most of its bytes."""

    largest: tuple[Part, ...]
    """The largest files."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    """What could not be told."""

    @property
    def savings(self) -> int:
        """Bytes of all findings that are safe, which are disjoint."""
        return sum(finding.bytes for finding in self.findings if finding.safety == "safe")
