"""A base that can be named, with all that is known of it without reading it."""

from __future__ import annotations

import msgspec

from tare.bases.catalogue.rows import OperatingSystem
from tare.oci.platform import Platform
from tare.wheels.target import Libc


class KnownBase(msgspec.Struct, frozen=True, kw_only=True):
    """A base that can be named, with all that is known of it without reading it. None is unknown."""

    name: str
    """As it is typed: `python:3.13-slim-trixie`, `deb:trixie`."""

    kind: str
    """`full`, `slim`, `alpine`, `windows`, `distroless`, `chainguard`, `ubi`, `ubuntu` or `assembled`."""

    os: OperatingSystem

    python: str | None
    """The series of the interpreter in the image, such as `3.13`."""

    archive_python: str | None = None
    version: str | None = None
    """The interpreter's full version on *date*."""

    platforms: tuple[str, ...]
    """Empty where nobody says."""

    pgo: bool | None = None
    lto: bool | None = None
    without_lto: tuple[str, ...] = ()
    interpreter: str | None = None
    libraries: tuple[str, ...] | None = None
    """Shared libraries that it provides. Nobody publishes lists, so this is known of images that were read only."""

    package_manager: str | None = None
    """Empty for none."""

    shell: str | None = None
    """Empty for none."""

    user: str | None = None
    python_eol: str | None = None
    pull: int | None = None
    """Compressed bytes. Nobody publishes them for a named version, so this too comes from reading."""

    unpacked: int | None = None
    sources: tuple[str, ...]
    """Who says all this."""

    date: str
    """The day of the newest of these statements."""

    @property
    def libc(self) -> Libc | None:
        """The C library; None for Windows, and where nobody says."""
        return read_libc(self.os.libc)

    def fits(self, platform: Platform) -> bool | None:
        """Tell whether there is an image for *platform*; None where nobody says."""
        return str(platform.normalized()) in self.platforms if self.platforms else None

    def lto_on(self, platform: Platform) -> bool | None:
        """Tell whether the interpreter for *platform* is built with link-time optimisation."""
        return False if self.lto and str(platform.normalized()) in self.without_lto else self.lto


def read_libc(text: str | None) -> Libc | None:
    """Return the C library that a row names.

    >>> read_libc("musl 1.2.5").minor
    2
    """
    if text is None:
        return None
    family, _, version = text.partition(" ")
    major, minor = version.split(".")[:2]
    return Libc(family="musl" if family == "musl" else "glibc", major=int(major), minor=int(minor))
