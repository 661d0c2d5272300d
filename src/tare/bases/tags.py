"""A repository's tags, explained: what each stands for now, what else has that name, and what may change.

`explain` is a function of what a registry said, of the catalogue, and of the day. With what the catalogue alone says
(`recorded`) it gives the same answer, without digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from tare.bases.catalogue.catalogue import Catalogue
from tare.bases.catalogue.support import ended
from tare.bases.tag_choice import Choice, Place
from tare.bases.tag_listing import Cell, Listing, Seen, SeriesFacts, Tag, VariantFacts
from tare.bases.tag_names import OPEN, TagName, join, parse
from tare.oci.digest import Digest
from tare.oci.platform import Platform


def recorded(catalogue: Catalogue) -> Seen:
    """Return what the official repository has by the catalogue: names, and which of them are one image."""
    images: dict[str, str] = {}
    official = catalogue.official
    for series in catalogue.series:
        versions = [series.version or "", series.label, *(("3", "latest") if series.name == official.newest else ())]
        for name in series.variants:
            images |= {join(version, name): f"{series.version}-{name}" for version in versions}
        windows = any(name.startswith("windows") for name in series.variants)
        for kind, ending in OPEN.items() if series.variants else ():
            variant = official.variant(kind)
            if variant is None and windows:
                images |= {join(version, ending): f"{series.version}-{ending}" for version in versions}
            elif variant is not None:
                alone = kind != "full" or not windows
                same = f"{series.version}-{variant}" if alone else f"{series.version}"
                images |= {join(version, ending): same for version in versions}
    return Seen(tags=tuple(images), images=images, contents={}, recorded=True)


def documents(choice: Choice, images: dict[str, str]) -> tuple[Digest, ...]:
    """Return the documents to read: those of the newest final series, and of variants that it lacks.

    Registries count these requests, and what the images of one variant run on differs little between series.
    """
    found: list[str] = []
    seen: set[str] = set()
    ordered = sorted(choice.places, key=lambda place: place.series != choice.newest_series)
    for place in ordered:
        if place.series == choice.newest_series or place.variant not in seen:
            found.append(place.tag)
            seen.add(place.variant)
    found += [name.text for name in choice.open if name.series == choice.newest_series]
    return tuple(dict.fromkeys(images[tag] for tag in found if tag in images))


def explain(seen: Seen, choice: Choice, catalogue: Catalogue, today: date) -> Listing:
    """Explain what was *chosen* of the official repository, or of one like it."""
    groups = _groups(seen)
    cells = tuple(_cell(place, seen, groups, catalogue) for place in choice.places if place.tag in seen.images)
    names = (name for text in choice.names if text in seen.images and (name := parse(text)))
    tags = tuple(_tag(name, seen, groups, choice, catalogue) for name in names)
    variants = tuple(_variant(name, cells, catalogue, today) for name in choice.variants)
    series = tuple(_series(name, choice, catalogue, today) for name in choice.series)
    return Listing(
        official=True,
        series=series,
        variants=variants,
        cells=cells,
        tags=tags,
        total=len(seen.tags),
        hidden=choice.hidden,
        notes=tuple(_notes(series, variants, catalogue, today, recorded=seen.recorded)),
    )


def _groups(seen: Seen) -> dict[str, list[TagName]]:
    groups: dict[str, list[TagName]] = {}
    for text, image in seen.images.items():
        name = parse(text)
        if name is not None:
            groups.setdefault(image, []).append(name)
    return groups


def _cell(place: Place, seen: Seen, groups: dict[str, list[TagName]], catalogue: Catalogue) -> Cell:
    image = seen.images[place.tag]
    exact = max((n for n in groups[image] if n.exact and n.series == place.series), key=lambda n: n.order, default=None)
    return Cell(
        series=place.series,
        variant=place.variant,
        tag=place.tag,
        version=exact.version if exact else None,
        digest=None if seen.recorded else image,
        platforms=_platforms(image, place.variant, seen, catalogue),
        maintained=place.maintained,
    )


def _platforms(image: str, variant: str, seen: Seen, catalogue: Catalogue) -> tuple[Platform, ...] | None:
    if not seen.recorded:
        content = seen.contents.get(image)
        return content.platforms if content else None
    row = catalogue.find_variant(variant)
    return tuple(_recorded_platform(text) for text in row.platforms) if row else None


def _recorded_platform(text: str) -> Platform:
    os, architecture, *variant = text.split("/")
    return Platform(os=os, architecture=architecture, variant=variant[0] if variant else None)


def _tag(name: TagName, seen: Seen, groups: dict[str, list[TagName]], choice: Choice, catalogue: Catalogue) -> Tag:
    image = seen.images[name.text]
    best = max(groups[image], key=lambda each: each.order)
    content = seen.contents.get(image)
    combines = tuple(_combined(name, best, seen, choice, catalogue)) if name.sharing == "shared" else ()
    return Tag(
        name=name.text,
        sharing=name.sharing,
        digest=None if seen.recorded else image,
        same=tuple(each.text for each in groups[image] if each.text != name.text),
        stands_for=best.text if best.text != name.text else None,
        moves=name.moves,
        platforms=content.platforms if content else None,
        combines=combines,
    )


def _combined(name: TagName, best: TagName, seen: Seen, choice: Choice, catalogue: Catalogue) -> Iterator[str]:
    """Yield the simple tags whose images a shared one has; by the rule, where the catalogue is all there is."""
    series = name.series or best.series
    whole = seen.contents.get(seen.images[name.text])
    for place in choice.places:
        if place.series != series:
            continue
        part = seen.contents.get(seen.images.get(place.tag, ""))
        windows = place.variant.startswith("windowsservercore")
        if seen.recorded:
            if windows or (name.kind == "full" and place.variant == catalogue.official.full):
                yield place.exact or place.tag
        elif whole and part and set(part.manifests) <= set(whole.manifests):
            yield place.exact or place.tag


def _variant(name: str, cells: Iterable[Cell], catalogue: Catalogue, today: date) -> VariantFacts:
    parsed = parse(name)
    row = catalogue.find_variant(name)
    os_name = row.os if row else parsed.os if parsed else name
    os = catalogue.find_os(os_name)
    shown = next((cell for cell in cells if cell.variant == name and cell.platforms), None)
    kind: str = row.kind if row else parsed.kind if parsed else "full"
    return VariantFacts(
        name=name,
        kind=kind,
        os=os_name,
        libc=os.libc if os else None,
        wheel_tag=os.wheel_tag if os else None,
        pgo=row.pgo if row else None,
        lto=row.lto if row else None,
        eol=os.eol if os else None,
        lts=os.lts if os else None,
        ended=ended(os.last_day, today) if os else False,
        package_manager=os.package_manager if os else None,
        shell=os.shell if os else None,
        interpreter=row.interpreter if row else None,
        user=row.user if row else None,
        platforms=shown.platforms if shown else None,
        platforms_of=shown.tag if shown else None,
        source="; ".join(each.source for each in (row, os) if each) or None,
    )


def _series(name: str, choice: Choice, catalogue: Catalogue, today: date) -> SeriesFacts:
    row = catalogue.find_series(name)
    return SeriesFacts(
        name=name,
        label=choice.labels[name],
        newest=choice.newest.get(name),
        first_release=row.first_release if row else None,
        eol=row.eol if row else None,
        ended=ended(row.eol, today) if row else False,
        source=row.source if row else None,
    )


def _notes(
    series: Iterable[SeriesFacts],
    variants: Iterable[VariantFacts],
    catalogue: Catalogue,
    today: date,
    *,
    recorded: bool,
) -> Iterator[str]:
    for row in series:
        if row.label != row.name:
            yield _unreleased(row, today, recorded=recorded)
        if row.ended:
            yield f"{row.name} is past its end of life ({row.eol}): it gets no fixes"
    for os in dict.fromkeys(variant.os for variant in variants):
        found = catalogue.find_os(os)
        if found is not None and found.eol and ended(found.eol, today):
            if found.lts and not ended(found.lts, today):
                yield f"{os} is past its makers' security support ({found.eol}); long-term support ends {found.lts}"
            else:
                yield f"{os} is past its end of life ({found.last_day}): it gets no fixes"


def _unreleased(row: SeriesFacts, today: date, *, recorded: bool) -> str:
    """Say of a series whose newest version is not final what its release will change, or has changed meanwhile."""
    plan = row.first_release
    if not ended(plan, today):
        planned = f" (plan: {plan})" if plan else ""
        return f"{row.label} is no release yet; when it is{planned}, tags without a series move to it"
    if recorded:
        return f"{row.label} was no release then; by the plan, tags without a series moved to it on {plan}"
    return f"{row.label} is still no release (plan: {plan}); when it is, tags without a series move to it"
