"""What a base is: the values that decide which wheels it can run.

Facts are remembered by the image's digest, so they hold nothing that does not follow from it. This module is loaded
whenever they are; what reads them from layers is `tare.bases.survey`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from tare.errors import TargetError
from tare.oci.config import ImageConfig
from tare.oci.ground import Ground
from tare.oci.platform import Platform
from tare.wheels.target import Libc, Target

if TYPE_CHECKING:
    from tare.wheels.libraries import Libraries

FORMAT: Final = 3
"""Raised whenever the same base would give other facts."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What is installed for the interpreter already."""

    name: str
    """Normalized."""

    version: str


class Interpreter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CPython in a base."""

    executable: str
    """Its absolute path without links, as a virtual environment's `home` and a script's first line should name it."""

    version: str
    """Its full version, such as `3.13.5`."""

    architecture: str
    """GOARCH of the executable."""

    free_threaded: bool = False
    soabi: str = ""
    """The tag of its extension modules, such as `cpython-313-x86_64-linux-gnu`; empty if nothing says it."""

    extension_suffix: str = ""
    prefix: str = "/usr"
    stdlib: str = ""
    """The directory of the standard library."""

    site_packages: tuple[str, ...] = ()
    """Existing directories of installed distributions."""

    distributions: tuple[Distribution, ...] = ()
    """What lies in them, sorted."""

    lacks: tuple[str, ...] = ()
    """Modules of the standard library that are not there, of those that are known to be split off."""

    shared: bool = False
    """Whether the executable links to `libpython`."""

    libpython: str = ""
    """The name of that library."""

    bytecode: bool = False
    """Whether the standard library is compiled."""

    externally_managed: bool = False
    """Whether installers are asked to leave it alone (PEP 668)."""

    pgo: bool | None = None
    """Whether it was built with profile-guided optimisation; None if nothing says it."""

    lto: bool | None = None
    config_args: str = ""
    """The arguments of `configure`."""


class OperatingSystem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `os-release` says; empty where it does not."""

    id: str = ""
    version: str = ""
    codename: str = ""


class BaseFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A base's facts."""

    platform: Platform

    libc: Libc | None = None
    """None for a base without a C library."""

    python: Interpreter | None = None
    """The interpreter that `python3` starts; None if there is none."""

    libraries: tuple[str, ...] = ()
    """The names under which the loader finds shared libraries, sorted."""

    versions: dict[str, tuple[str, ...]] = {}
    """The symbol versions that libraries define, by name."""

    os: OperatingSystem = OperatingSystem()

    package_manager: str | None = None
    """`apt`, `apk`, `dnf`, `zypper` or `pacman`."""

    shell: str | None = None
    """The absolute path of a POSIX shell."""

    ca_bundle: str | None = None
    """The absolute path of the certificates that programs trust."""

    user: str = ""
    """As the configuration names it; empty for root."""

    users: tuple[str, ...] = ()
    """The names in its `/etc/passwd`, sorted."""

    groups: tuple[str, ...] = ()
    """The names in its `/etc/group`, sorted."""

    path: str = ""
    """PATH, as the configuration sets it; empty if it does not."""

    unpacked: tuple[int, ...] = ()
    """Bytes of the regular files of each layer, bottom first."""

    ground: Ground = Ground()
    """What layers on top have to keep as it is."""

    how: dict[str, str] = {}
    """For a fact, what told it: a path in the image, or a table of tare's."""

    def target(self) -> Target:
        """Return what decides which wheel is taken."""
        if self.python is None:
            raise TargetError(
                "the base has no Python",
                causes=("neither `python3` nor `python` on its PATH is an interpreter",),
                hints=("Choose a base with Python, such as `python:3.13-slim` or `deb:trixie`",),
            )
        libc = self._known_libc()
        if self.python.architecture != self.platform.architecture:
            raise TargetError(
                f"the base is for another processor than it says: its configuration names `{self.platform}`",
                causes=(f"`{self.python.executable}` is a program for {self.python.architecture}",),
            )
        return Target(
            platform=self.platform, libc=libc, version=self.python.version, free_threaded=self.python.free_threaded
        )

    def provided(self) -> Libraries:
        """Return what the base gives to the loader."""
        from tare.wheels.libraries import Libraries

        return Libraries(
            platform=self.platform,
            libc=self._known_libc(),
            names=self.libraries,
            versions=self.versions,
            extension_suffix=self.python.extension_suffix if self.python else "",
        )

    def _known_libc(self) -> Libc:
        if self.libc is None:
            raise TargetError(
                "the base has no C library that tare knows",
                causes=("its loader's directories have neither glibc's `libc.so.6` nor musl's loader",),
            )
        return self.libc


def read(
    config: ImageConfig,
    layers: Iterable[Callable[[], BinaryIO]],
    *,
    python: str | None = None,
    what: str = "the base",
) -> BaseFacts:
    """Return the facts of the image with *config* and *layers*, each of which opens its uncompressed tar.

    *python* chooses an interpreter by its absolute path, or by a version such as `3.12`. *what* names the image in
    errors.
    """
    from tare.bases import survey

    return survey.read(config, layers, python=python, what=what)
