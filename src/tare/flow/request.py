"""What is asked for: everything that a person or a configuration says about one image, for one platform."""

from __future__ import annotations

from typing import Literal

import msgspec

from tare.oci.platform import Platform
from tare.projects.bytecode import Wish


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One image of a project for one platform."""

    base: str
    """As it was named, for example `deb:trixie`."""

    platform: Platform

    python: str | None = None
    """The interpreter to use of a base that has several: a series or an absolute path."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    system_packages: tuple[str, ...] = ()
    """Debian packages that an assembled base has beside what Python and the wheels need."""

    allow_missing: tuple[str, ...] = ()
    """Names of shared libraries that may be missing."""

    single_member: bool = False
    """Whether each layer is one gzip member, for consumers that cannot read several."""

    debug: bool = False
    """Whether an assembled base has a shell."""

    slim: Literal["safe", "more"] | None = None
    """Whether the image does without what a container does not need, and how much of it."""

    spared: tuple[str, ...] = ()
    """Rules of `slim` that are not applied, and paths that stay, sorted."""

    bytecode: Wish = "none"
    """Which modules have bytecode; a number is the bytes that it may weigh."""

    pull: bool = False
    """Whether names that were resolved before are asked for again."""
