"""Which of a repository's thousands of tags are shown, and so which are looked up: decided by their names alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import msgspec

from tare.bases.catalogue.catalogue import Catalogue
from tare.bases.catalogue.support import ended
from tare.bases.tag_names import OPEN, TagName, join, parse, series_key, version_key
from tare.errors import UsageError

MAX_LOOKED_UP: Final = 600
"""Tags. A HEAD request each, which Docker Hub does not count, but which somebody waits for."""

_FAMILIES: Final = {"full": 0, "slim": 0, "alpine": 1, "windows": 2}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to see of a repository."""

    series: str | None = None
    variant: str | None = None
    """A kind (`slim`), a variant (`slim-trixie`) or an operating system (`trixie`)."""

    all: bool = False
    """Also series that are at their end, and variants that are not built any more."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of the grid, before anything was looked up."""

    series: str
    variant: str

    tag: str
    """`3.14-slim-trixie`."""

    exact: str | None
    """The newest tag of the same with a full version, if there is one."""

    maintained: bool | None
    """Whether the newest release of the series is there in this variant; None if the repository has no full versions."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown."""

    series: tuple[str, ...]
    """Newest first."""

    labels: dict[str, str]
    """How tags name each series: `3.14`, `3.15-rc`."""

    newest: dict[str, str]
    """The newest version of each series that has one."""

    variants: tuple[str, ...]
    places: tuple[Place, ...]

    open: tuple[TagName, ...]
    """Tags that leave the series or the operating system open, most open first."""

    hidden: tuple[str, ...] = ()
    """Series that are not shown, because they are at their end."""

    @property
    def names(self) -> tuple[str, ...]:
        """All tags to look up."""
        found = [place.tag for place in self.places] + [place.exact for place in self.places if place.exact]
        return tuple(dict.fromkeys([*found, *(name.text for name in self.open)]))

    @property
    def newest_series(self) -> str:
        """The newest series that is final; it is what `latest` stands for."""
        return next((name for name in self.series if self.labels[name] == name), self.series[0])


def choose(tags: Iterable[str], wanted: Wanted, catalogue: Catalogue, today: date) -> Choice:
    """Return what is shown of a repository with *tags*."""
    names = {name.text: name for name in map(parse, tags) if name is not None}
    every = sorted({name.series for name in names.values() if name.series}, key=series_key, reverse=True)
    shown, hidden = _series(every, wanted, catalogue, today)
    newest = {series: found for series in shown if (found := _newest(series, names.values()))}
    labels = {series: _label(series, names) for series in shown}
    places = [place for series in shown for place in _places(series, labels[series], newest.get(series), names)]
    if not wanted.all:
        places = [place for place in places if place.maintained is not False] or places
    places = _only(places, wanted, names)
    variants = sorted({place.variant for place in places}, key=lambda name: _variant_key(name, catalogue))
    order = {name: index for index, name in enumerate(variants)}
    return Choice(
        series=tuple(shown),
        labels=labels,
        newest=newest,
        variants=tuple(variants),
        places=tuple(sorted(places, key=lambda place: (shown.index(place.series), order[place.variant]))),
        open=tuple(_open(names, variants, labels, newest, wanted)),
        hidden=tuple(hidden),
    )


def _series(every: Sequence[str], wanted: Wanted, catalogue: Catalogue, today: date) -> tuple[list[str], list[str]]:
    """Return the series that are shown and those that are not, newest first."""
    if wanted.series is not None:
        asked = wanted.series.removesuffix("-rc")
        if asked not in every:
            raise UsageError(
                f"the repository has no series `{wanted.series}`", causes=(f"it has {', '.join(every) or 'none'}",)
            )
        return [asked], []
    over = [name for name in every if (row := catalogue.find_series(name)) and ended(row.eol, today)]
    kept = [name for name in every if name not in over and int(name.partition(".")[0]) >= 3]
    if wanted.all or not kept:
        return list(every), []
    return kept, [name for name in every if name not in kept]


def _newest(series: str, names: Iterable[TagName]) -> str | None:
    versions = {name.version for name in names if name.series == series and name.exact}
    return max(versions, key=version_key, default=None)


def _label(series: str, names: dict[str, TagName]) -> str:
    if any(name.series == series and name.version == series for name in names.values()):
        return series
    return f"{series}-rc" if any(name.version == f"{series}-rc" for name in names.values()) else series


def _places(series: str, label: str, newest: str | None, names: dict[str, TagName]) -> list[Place]:
    variants = sorted({name.variant for name in names.values() if name.series == series and name.os})
    found = []
    for variant in variants:
        versions = {name.version for name in names.values() if name.series == series and name.variant == variant}
        exact = max((version for version in versions if version_key(version)[0]), key=version_key, default=None)
        tag = join(label, variant)
        if tag not in names and exact is None:
            continue
        found.append(
            Place(
                series=series,
                variant=variant,
                tag=tag if tag in names else join(exact or "", variant),
                exact=join(exact, variant) if exact else None,
                maintained=None if newest is None else exact == newest,
            )
        )
    return found


def _only(places: list[Place], wanted: Wanted, names: dict[str, TagName]) -> list[Place]:
    if wanted.variant is None:
        return places
    found = [place for place in places if _is(names[place.tag], wanted.variant)]
    if not found:
        known = ", ".join(dict.fromkeys(place.variant for place in places))
        raise UsageError(
            f"the repository has no variant `{wanted.variant}` of what is shown", causes=(f"it has {known or 'none'}",)
        )
    return found


def _is(name: TagName, asked: str) -> bool:
    return asked in {name.kind, name.variant, name.os, OPEN[name.kind] or "full"}


def _variant_key(variant: str, catalogue: Catalogue) -> tuple[int, int, str, bool]:
    """Sort as the catalogue does. An OS that it does not have is newer, and one that is not built any more is older."""
    known = [row.name for row in catalogue.variant]
    name = parse(variant)
    suite = variant.removeprefix("slim-")
    row = known.index(variant) if variant in known else len(known) if catalogue.find_os(suite) else -1
    return _FAMILIES[name.kind] if name else 3, row, suite, variant != suite


def _open(
    names: dict[str, TagName], variants: Sequence[str], labels: dict[str, str], newest: dict[str, str], wanted: Wanted
) -> list[TagName]:
    """Return the tags of what is shown that leave something open beside the patch."""
    versions = [version for series in labels for version in (labels[series], newest.get(series)) if version]
    found = [join(version, ending) for version in versions for ending in OPEN.values()]
    if wanted.series is None:
        endings = [*OPEN.values(), *variants]
        found = [join(version, ending) for ending in endings for version in ("latest", "3")] + found
    there = [names[text] for text in dict.fromkeys(found) if text in names]
    return [name for name in there if wanted.variant is None or _is(name, wanted.variant) or name.os == wanted.variant]
