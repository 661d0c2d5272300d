"""How two images differ, as a value."""

from __future__ import annotations

from typing import Literal

import msgspec

from tare.measure.weighed import Sizes
from tare.oci.digest import Digest

How = Literal["added", "removed", "changed"]


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file, link or directory that only one side has, or that both have otherwise."""

    path: str
    """Absolute."""

    how: How

    what: tuple[str, ...]
    """Of a changed one: `type`, `content`, `target`, `mode`, `owner`, `attributes`, `device`, `time`."""

    before: int | None
    """Bytes, None where it is not there."""

    after: int | None
    kind: str
    distribution: str
    """Name and version of the package on the side that has it; empty if it is of none."""


class TreeChange(msgspec.Struct, frozen=True, kw_only=True):
    """A directory, or a file outside of such, that came or went as a whole."""

    how: Literal["added", "removed"]
    path: str
    """Absolute; a directory has a slash at its end."""

    bytes: int


class PackageChange(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution that came, went, or is another version or size."""

    name: str
    ecosystem: str
    before: str | None
    """Its version, None where it is not installed."""

    after: str | None
    before_bytes: int
    after_bytes: int


class KindChange(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of files whose bytes are others."""

    kind: str
    before: int
    after: int


class ConfigChange(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the configuration that is another."""

    field: str
    """As the specification names it; of a mapping with the key: `Env PATH`, `Labels maintainer`."""

    before: str | None
    after: str | None


class LayerChange(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that only one side has, or that both have."""

    how: Literal["shared", "added", "removed"]
    digest: Digest
    diff_id: Digest | None
    size: int
    """Bytes as it is stored; of a shared one, on the side of *before*."""

    instruction: str


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two."""

    reference: str
    digest: Digest | None
    platform: str | None
    sizes: Sizes


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that differs."""

    before: Side
    after: Side
    semantic: bool
    """Whether times and order were passed over."""

    layers: tuple[LayerChange, ...]
    files: tuple[FileChange, ...]
    """Sorted by path."""

    trees: tuple[TreeChange, ...]
    """What came and went, whole directories where nothing else was in them; the largest first."""

    distributions: tuple[PackageChange, ...]
    kinds: tuple[KindChange, ...]
    config: tuple[ConfigChange, ...]

    @property
    def same_digest(self) -> bool:
        """Whether both are one image, to the byte."""
        return self.before.digest is not None and self.before.digest == self.after.digest

    @property
    def equal(self) -> bool:
        """Whether nothing differs that was looked at."""
        if self.same_digest:
            return True
        layers = not self.semantic and any(layer.how != "shared" for layer in self.layers)
        return not (self.files or self.config or layers)
