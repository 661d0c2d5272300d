"""What the makers of base images say of them: `catalogue.toml`, read into frozen values.

It answers when an image cannot be reached, and it knows what no image says of itself: when support ends. Everything
that nobody states is None here, and unknown in what people read.
"""

from __future__ import annotations

import calendar
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from tare.oci.platform import Platform
from tare.wheels.target import Libc

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


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of `catalogue.toml`."""

    official: Official
    series: tuple[Series, ...]
    os: tuple[OperatingSystem, ...]
    variant: tuple[Variant, ...]
    base: tuple[Other, ...]

    @property
    def date(self) -> str:
        """The day of the official repository's rows."""
        return self.official.date

    def find_series(self, name: str) -> Series | None:
        return next((row for row in self.series if row.name == name), None)

    def find_os(self, name: str) -> OperatingSystem | None:
        return next((row for row in self.os if row.name == name), None)

    def find_variant(self, name: str) -> Variant | None:
        return next((row for row in self.variant if row.name == name), None)

    def bases(self, *, series: str | None = None) -> tuple[KnownBase, ...]:
        """Return every base: the official variants of each series, or of *series* alone, and then the others."""
        wanted = [row for row in self.series if row.version and series in {None, row.name}]
        found = [self._official(row, name) for row in wanted for name in row.variants]
        found += [self._other(row) for row in self.base if series in {None, row.python}]
        return tuple(found)

    def find_base(self, name: str) -> KnownBase | None:
        """Return the base that is typed as *name*, if there is a row for it."""
        return next((base for base in self.bases() if base.name == name), None)

    def _official(self, series: Series, name: str) -> KnownBase:
        variant = self._variant(name)
        os = self._os(variant.os)
        return KnownBase(
            name=f"python:{series.label}-{variant.name}",
            kind=variant.kind,
            os=os,
            python=series.name,
            version=series.version,
            platforms=variant.platforms,
            pgo=variant.pgo,
            lto=variant.lto,
            without_lto=variant.without_lto,
            interpreter=variant.interpreter and variant.interpreter.format(series=series.name),
            package_manager=os.package_manager,
            shell=os.shell,
            user=variant.user,
            python_eol=series.eol,
            sources=_sources(series, variant, os),
            date=max(series.date, variant.date, os.date),
        )

    def _other(self, row: Other) -> KnownBase:
        os = self._os(row.os)
        series = self.find_series(row.python or "")
        return KnownBase(
            name=row.name,
            kind=row.kind,
            os=os,
            python=row.python,
            archive_python=row.archive_python,
            platforms=row.platforms,
            interpreter=row.interpreter,
            package_manager=os.package_manager if row.package_manager is None else row.package_manager,
            shell=os.shell if row.shell is None else row.shell,
            user=row.user,
            python_eol=series.eol if series else None,
            sources=_sources(row, os, series),
            date=max(row.date, os.date),
        )

    def _variant(self, name: str) -> Variant:
        found = self.find_variant(name)
        assert found is not None, name  # noqa: S101  # the table is ours, and a test reads all of it
        return found

    def _os(self, name: str) -> OperatingSystem:
        found = self.find_os(name)
        assert found is not None, name  # noqa: S101  # as above
        return found


@cache
def catalogue() -> Catalogue:
    """Return the catalogue."""
    import tomllib

    document = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
    return msgspec.convert(document, Catalogue)


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


def ended(day: str | None, today: date) -> bool:
    """Tell whether *today* is after *day*, which may be a month: then its last day counts. Unknown is not over.

    >>> ended("2026-10", date(2026, 10, 31)), ended("2026-10", date(2026, 11, 1))
    (False, True)
    """
    if day is None:
        return False
    year, month, *rest = map(int, day.split("-"))
    return today > date(year, month, rest[0] if rest else calendar.monthrange(year, month)[1])


def _sources(*rows: Row | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{row.source} ({row.date})" for row in rows if row is not None))
