"""What a base gives: one base for one platform, judged. None is unknown everywhere."""

from __future__ import annotations

from typing import Literal

import msgspec

from tare.oci.platform import Platform
from tare.wheels.target import Libc

Kind = Literal["wheel", "sdist", "impossible"]


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """What a base takes of one locked distribution. None is unknown."""

    name: str
    version: str
    kind: Kind

    file: str | None
    """The wheel or source that would be taken."""

    tag: str | None
    """The wheel's tag by which the target accepts it."""

    size: int | None
    """Bytes of the file."""

    unpacked: int | None
    """Bytes of what it installs."""

    native: bool | None = None
    """Whether it is compiled: a wheel for some platforms, or a source that needs a compiler."""

    why: str = ""
    """Why there is no wheel, or what would change it."""

    remedy: str = ""
    """The nearest version that has a wheel, where that was looked for."""

    parts: dict[str, int] = {}
    """Unpacked bytes by kind of file."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Compressed and unpacked bytes. None is unknown."""

    pull: int | None
    unpacked: int | None


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a build has to do."""

    fetch: int
    """Bytes of files that are not on this machine."""

    hash: int
    """Bytes that are inflated and hashed."""

    sources: tuple[str, ...] = ()
    """Distributions that are built from source."""

    native: tuple[str, ...] = ()
    """Those of them that need a compiler: how long that takes, nobody knows before."""

    seconds: tuple[float, float, float] | None = None
    """The estimate and its interval; None where nothing was built here yet, or a compiler is needed."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One base for one platform, judged."""

    base: str
    kind: str
    platform: Platform
    python: str | None
    """The interpreter's version."""

    libc: Libc | None
    suitable: bool
    obstacles: tuple[str, ...] = ()
    """Why it is not suitable."""

    rank: int | None = None
    """From 1 among those that are suitable on the same platform."""

    pareto: bool = False
    """Whether no other candidate beats it in size, speed and compatibility at once."""

    pull: int | None = None
    unpacked: int | None = None
    exact: bool = False
    """Whether the sizes of the new layers are exact to the byte."""

    base_sizes: Sizes = Sizes(pull=None, unpacked=None)
    site_packages: Sizes = Sizes(pull=None, unpacked=None)
    layers: tuple[Sizes, ...] = ()
    """The dependencies' layers, bottom first."""

    project: Sizes = Sizes(pull=None, unpacked=None)
    distributions: tuple[Distribution, ...] = ()
    missing_libraries: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    """Wheels whose libraries could not all be read without a download, or not compared with the base."""

    origin: str = ""
    """What the base is known from: `image`, `manifest` or `catalogue`."""

    origin_why: str = ""
    digest: str | None = None
    """Of the image's manifest."""

    interpreter: str | None = None
    """Its path in the image."""

    platforms: tuple[str, ...] | None = None
    """Those that the image is built for."""

    libraries: tuple[str, ...] | None = None
    """Names of the shared libraries that it provides."""

    date: str | None = None
    """The day on which the image was read; of the newest of the catalogue's rows, where it was not."""

    pgo: bool | None = None
    lto: bool | None = None
    package_manager: str | None = None
    shell: str | None = None
    user: str | None = None
    python_eol: str | None = None
    os_eol: str | None = None
    sources: tuple[str, ...] = ()
    work: Work = Work(fetch=0, hash=0)
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_musl(self) -> bool:
        """Whether its C library is known to be musl."""
        return self.libc is not None and self.libc.family == "musl"

    @property
    def series(self) -> str:
        """The interpreter's, such as `3.13`; empty where it is unknown."""
        return ".".join((self.python or "").split(".")[:2])
