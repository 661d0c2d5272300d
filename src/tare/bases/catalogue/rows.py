"""The rows of `catalogue.toml`, as they stand there. What nobody states is None, and unknown in what people read."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["full", "slim", "alpine", "windows"]


class Row(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A piece of knowledge: who says so, and the day of that statement or on which it was read."""

    source: str
    date: str


class Official(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What the open tags of the official `python` stand for."""

    repository: str

    newest: str
    """The series of `3` and `latest`."""

    full: str
    """The variant of a tag without one, on Linux."""

    slim: str
    alpine: str

    def variant(self, kind: str) -> str | None:
        """Return the variant that a tag of *kind* without an operating system stands for; Windows has two."""
        return {"full": self.full, "slim": self.slim, "alpine": self.alpine}.get(kind)


class Series(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A series of CPython, such as 3.13."""

    name: str

    version: str | None = None
    """What the repository had, such as `3.13.15`; None for a series that it does not build any more."""

    pep: int
    """Its release schedule."""

    first_release: str

    eol: str
    """The last day with security fixes, or the month, where only that is planned."""

    variants: tuple[str, ...] = ()
    """Those that are built for it."""

    @property
    def prerelease(self) -> bool:
        """Whether the recorded version is not final."""
        return self.version is not None and not self.version.replace(".", "").isdigit()

    @property
    def label(self) -> str:
        """How tags name the series."""
        return f"{self.name}-rc" if self.prerelease else self.name


class OperatingSystem(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A release of a distribution, by the name that tags have for it."""

    name: str

    id: str
    """`debian`, `alpine`, `ubuntu`, `rhel`, `wolfi` or `windows`."""

    version: str | None = None
    """None where there are no releases."""

    rolling: bool = False

    libc: str | None = None
    """Its family and version, such as `glibc 2.41`."""

    wheel_tag: str | None = None
    """The newest platform tag that it accepts, without the architecture."""

    package_manager: str | None = None
    shell: str | None = None

    eol: str | None = None
    """The last day of its makers' security support."""

    lts: str | None = None
    """The last day of the support that goes on after that."""

    eol_source: str | None = None

    @property
    def last_day(self) -> str | None:
        """The day after which nobody fixes anything any more, as far as is known."""
        return self.lts or self.eol


class Variant(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A variant of the official `python`: what follows the version in a tag."""

    name: str
    kind: Kind
    os: str
    platforms: tuple[str, ...]

    pgo: bool | None = None
    """Whether the interpreter is built with profile-guided optimisation."""

    lto: bool | None = None

    without_lto: tuple[str, ...] = ()
    """Platforms that are the exception."""

    interpreter: str | None = None
    """Its path, with `{series}`."""

    user: str | None = None


class Other(Row, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """A base that is no variant of the official `python`."""

    name: str
    kind: str
    os: str
    python: str | None = None
    """The series of its interpreter."""

    archive_python: str | None = None
    """The series that its distribution would install, where the image has no interpreter."""

    platforms: tuple[str, ...] = ()
    """Empty where nobody says."""

    interpreter: str | None = None
    package_manager: str | None = None
    """Empty for none."""

    shell: str | None = None
    """Empty for none."""

    user: str | None = None
    rolling: bool = False
