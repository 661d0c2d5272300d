"""What was looked up of a repository, and what its tags are found to be: the two ends of `tags.explain`."""

from __future__ import annotations

import msgspec

from tare.oci.digest import Digest
from tare.oci.platform import Platform


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest or an index is for."""

    platforms: tuple[Platform, ...]

    manifests: tuple[Digest, ...]
    """Of an index: its images. Of an image: itself."""

    @property
    def sharing(self) -> str:
        """`shared` if it combines operating systems or several releases of Windows."""
        kinds = {(each.os, each.os_version if each.os == "windows" else None) for each in self.platforms}
        return "shared" if len(kinds) > 1 else "simple"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked up of a repository."""

    tags: tuple[str, ...]
    """All names."""

    images: dict[str, str]
    """The digest of each tag that was looked up. Recorded ones have a name in its place."""

    contents: dict[Digest, Content]
    """Of the digests whose documents were read."""

    recorded: bool = False


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A variant of a series."""

    series: str
    variant: str
    tag: str

    version: str | None
    """The release of CPython that the tag stands for, if another tag of the same image says it."""

    digest: Digest | None
    platforms: tuple[Platform, ...] | None
    maintained: bool | None


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """One name."""

    name: str

    sharing: str | None
    """`simple` or `shared`, as Docker's official images define them; None if nothing tells."""

    digest: Digest | None
    same: tuple[str, ...]
    """Other names of the same image, of those that were looked up."""

    stands_for: str | None
    """The name of the same image that leaves least open, if that is another one."""

    moves: tuple[str, ...]
    """What may be another one tomorrow: `series`, `patch`, `suite`; `version` for other repositories."""

    platforms: tuple[Platform, ...] | None
    combines: tuple[str, ...] = ()
    """For a shared tag: the simple ones that it is made of."""


class SeriesFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A series of CPython, with what the catalogue says of it."""

    name: str
    label: str
    newest: str | None
    first_release: str | None
    eol: str | None
    ended: bool
    source: str | None


class VariantFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A variant, with what the catalogue says of it; platforms as they were seen."""

    name: str
    kind: str
    os: str
    libc: str | None
    wheel_tag: str | None
    pgo: bool | None
    lto: bool | None
    eol: str | None
    lts: str | None
    ended: bool
    package_manager: str | None
    shell: str | None
    interpreter: str | None
    user: str | None
    platforms: tuple[Platform, ...] | None
    platforms_of: str | None
    """The tag whose index named them."""

    source: str | None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A repository, explained."""

    official: bool
    """Whether its tags follow the grammar of the official `python`."""

    series: tuple[SeriesFacts, ...] = ()
    variants: tuple[VariantFacts, ...] = ()
    cells: tuple[Cell, ...] = ()
    tags: tuple[Tag, ...]
    total: int
    """Names that the repository has."""

    hidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
