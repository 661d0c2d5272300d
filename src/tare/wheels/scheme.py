"""The directories of a virtual environment, and what lies in them once a wheel is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from tare.wheels.directory import Member
    from tare.wheels.strip import Cut


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """The directories of a virtual environment. Paths are from the image's root, without a leading slash."""

    prefix: str
    """The environment's directory, such as `opt/venv`."""

    series: tuple[int, int]
    """Major and minor version of its interpreter."""

    free_threaded: bool = False

    @property
    def python(self) -> str:
        return f"python{self.series[0]}.{self.series[1]}" + ("t" if self.free_threaded else "")

    @property
    def site_packages(self) -> str:
        return f"{self.prefix}/lib/{self.python}/site-packages"

    @property
    def scripts(self) -> str:
        return f"{self.prefix}/bin"

    @property
    def interpreter(self) -> str:
        """What scripts name in their first line: an absolute path."""
        return f"/{self.scripts}/python"

    def directory(self, key: str, distribution: str) -> str:
        """Return where files of the scheme *key* go."""
        if key == "headers":
            return f"{self.prefix}/include/site/{self.python}/{distribution}"
        return {"scripts": self.scripts, "data": self.prefix}.get(key, self.site_packages)


class Shortened(NamedTuple):
    """A file of a wheel whose end is left out: `wheels/strip.py`."""

    member: Member
    cut: Cut
    digest: bytes
    """SHA-256 of what it becomes."""

    @property
    def name(self) -> str:
        """Its path in the wheel."""
        return self.member.name

    def content(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what the file becomes whose content *chunks* are, all of which are read, so that they are checked."""
        yield self.cut.head
        position = 0
        for chunk in chunks:
            yield chunk[max(0, len(self.cut.head) - position) : max(0, self.cut.keep - position)]
            position += len(chunk)
        yield self.cut.tail


class InstalledFile(NamedTuple):
    """One file of an installed distribution. A tuple, since there are thousands."""

    path: str
    """From the image's root, without a leading slash."""

    mode: int

    size: int

    source: Member | Shortened | bytes
    """The file in the wheel that is taken over as it is, or without its end, or the content that an installer writes."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What an installer records beside the files, because the wheel cannot know it."""

    requested: bool = False
    """Whether the project names the distribution itself (PEP 376)."""

    direct_url: bytes = b""
    """The content of `direct_url.json` (PEP 610), empty for a distribution from an index."""
