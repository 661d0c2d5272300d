"""What the makers of base images say of them: `catalogue.toml`, read into frozen values.

It answers when an image cannot be reached, and it knows what no image says of itself: when support ends.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from tare.bases import tag_names
from tare.bases.catalogue.known import KnownBase
from tare.bases.catalogue.rows import Official, OperatingSystem, Other, Row, Series, Variant
from tare.errors import UsageError
from tare.oci import reference as references


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

    def find_release(self, system: str, version: str) -> OperatingSystem | None:
        """Return the release that `os-release` names: there, `alpine` says 3.23.2 for 3.23."""
        rows = (row for row in self.os if row.id == system)
        return next((row for row in rows if row.version is None or f"{version}.".startswith(f"{row.version}.")), None)

    def find_base(self, name: str) -> KnownBase | None:
        """Return the base that a person calls *name*, whatever goes without saying in it, if there are rows for it.

        >>> catalogue().find_base("python:3.13-slim").os.name
        'trixie'
        """
        wanted = _whole(name)
        row = next((row for row in self.base if _whole(row.name) == wanted), None)
        found = self._other(row) if row is not None else self._tagged(wanted)
        return msgspec.structs.replace(found, name=name) if found is not None else None

    def _tagged(self, reference: str) -> KnownBase | None:
        """Return what a tag of the official repository stands for, by what its name says or by what is usual."""
        repository, _, tag = reference.rpartition(":")
        name = tag_names.parse(tag) if repository == self.official.repository else None
        if name is None:
            return None
        series = self.find_series(self.official.newest if name.version in {"", "3", "latest"} else name.series)
        variant = name.variant if name.os else self.official.variant(name.kind)
        if series is None or variant is None or variant not in series.variants:
            return None
        if series.prerelease and name.version not in {series.label, series.version}:
            return None  # There is no such tag before its release.
        found = self._official(series, variant)
        return msgspec.structs.replace(found, version=name.version) if name.exact else found

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
            sources=sources(series, variant, os),
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
            sources=sources(row, os, series),
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


def _whole(name: str) -> str:
    """Return *name* with its registry and its tag. What is no reference, or says nothing but a digest, stays as it is."""
    try:
        reference = references.parse(name.removeprefix("docker://"))
    except UsageError:
        return name
    if name.startswith("deb:") or (reference.digest and not reference.tag):
        return name
    return f"{reference.registry}/{reference.repository}:{reference.tag_or_latest}"


def sources(*rows: Row | None) -> tuple[str, ...]:
    """Return who says what is in *rows*, and when."""
    found = []
    for row in rows:
        if row is not None:
            found.append(f"{row.source} ({row.date})")
        if isinstance(row, OperatingSystem) and row.eol_source is not None:
            found.append(f"{row.eol_source} ({row.date})")
    return tuple(dict.fromkeys(found))
