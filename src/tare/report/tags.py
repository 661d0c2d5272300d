"""A repository's tags as people read them, and as a document (`docs/tags.md`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tare.bases.tag_listing import Listing, Tag, VariantFacts
from tare.bases.tag_names import parse
from tare.flow.images.tags import Explained
from tare.oci.platform import Platform
from tare.report.text import printable, shortened, table

SCHEMA = "tare.tags/1"
WIDTH = 100

_MOVES = {"series": "series", "patch": "patch", "suite": "OS", "version": "version"}
_EXACT = (
    "A tag with an OS, such as slim-trixie or 3.14-slim-trixie, is simple, and moves with the rest.",
    "Even 3.14.7-slim-trixie is built again when its base changes; only a digest never moves.",
)
_NAMES = 30
"""Characters that the names of one row may have."""


def listing_text(explained: Explained) -> str:
    """Return the grid, what its variants are, and what the tags that leave something open stand for."""
    listing = explained.listing
    lines = [_head(explained), ""]
    if listing.official:
        lines += [*_grid(listing), "", *_variants(listing), "", *_platforms(listing)]
        floating = list(_floating(listing))
        lines += ["", *floating] if floating else []
    else:
        lines += _others(listing)
    notes = [*listing.notes, *explained.notes]
    lines += ["", *(f"note: {shortened(printable(note), 300)}" for note in notes)] if notes else []
    return "\n".join(lines) + "\n"


def _head(explained: Explained) -> str:
    listing = explained.listing
    hidden = f"; {listing.hidden[0]} and older are at their end (`--all`)" if listing.hidden else ""
    if not explained.origin:
        return f"{explained.repository}, as recorded on {explained.read}; nothing was asked{hidden}"
    read = explained.read[:16].replace("T", " ") + " UTC"
    count = "1 tag" if listing.total == 1 else f"{listing.total:,} tags"
    return shortened(f"{explained.repository}: {count} at {explained.origin}, {read}{hidden}", WIDTH)


def _grid(listing: Listing) -> list[str]:
    """Return the variants against the series, newest first; as many series as a line has room for."""
    cells = {(cell.series, cell.variant): cell for cell in listing.cells}
    first = max((len(variant.name) for variant in listing.variants), default=0)
    series = list(listing.series[: max(1, (WIDTH - max(first, 11)) // 11)])
    rows = [["", *(each.label for each in series)]]
    for variant in listing.variants:
        found = [cells.get((each.name, variant.name)) for each in series]
        rows.append([variant.name, *("" if cell is None else cell.version or "yes" for cell in found)])
    rows.append(["end of life", *(_ends(each.eol, over=each.ended) for each in series)])
    lines = table(rows).splitlines()
    if len(series) < len(listing.series):
        lines.append(f"and {', '.join(each.label for each in listing.series[len(series) :])}")
    return lines


def _ends(day: str | None, *, over: bool) -> str:
    return "unknown" if day is None else f"{day}{' (over)' if over else ''}"


def _variants(listing: Listing) -> list[str]:
    rows = [("variant", "libc", "wheels up to", "PGO", "security support ends")]
    rows += [
        (
            row.name,
            row.libc or ("none" if row.kind == "windows" else "unknown"),
            row.wheel_tag or "unknown",
            {True: "yes", False: "no", None: "unknown"}[row.pgo],
            _support(row),
        )
        for row in listing.variants
    ]
    return table(rows).splitlines()


def _support(row: VariantFacts) -> str:
    if row.eol is None:
        return "unknown"
    return row.eol + (f", long-term {row.lts}" if row.lts else "") + (" (over)" if row.ended else "")


def _platforms(listing: Listing) -> list[str]:
    """Return what the variants run on, those with the same platforms in one row."""
    told = {name.series for row in listing.variants if (name := parse(row.platforms_of or ""))}
    rows: list[tuple[str, str]] = [("variant", f"platforms in {next(iter(told))}" if len(told) == 1 else "platforms")]
    for row in listing.variants:
        text = platforms_text(row.platforms)
        names = f"{rows[-1][0]}, {row.name}"
        if text == rows[-1][1] and len(names) <= _NAMES:
            rows[-1] = (names, text)
        else:
            rows.append((row.name, text))
    return [shortened(line, WIDTH) for line in table(rows).splitlines()]


def platforms_text(platforms: Sequence[Platform] | None) -> str:
    """Return platforms in one line; `linux` goes without saying where there is nothing else."""
    if platforms is None:
        return "unknown"
    distinct = sorted({platform_text(each).removeprefix("linux/") for each in platforms})
    return " ".join(distinct) or "none"


def platform_text(platform: Platform) -> str:
    """Return a platform, for Windows with the release that it needs."""
    return f"{platform} {platform.os_version}" if platform.os_version else str(platform)


def _floating(listing: Listing) -> Iterator[str]:
    """Yield the tags that leave the OS open: those without a series, and those of the newest final one."""
    final = next((each.name for each in listing.series if each.label == each.name), None)
    rows: list[tuple[str, str, str, str]] = []
    merged: dict[tuple[str, tuple[str, ...]], int] = {}
    for tag in listing.tags:
        name = parse(tag.name)
        if name is None or name.os or "patch" not in tag.moves or name.series not in {"", final}:
            continue
        key = ("|".join(sorted([tag.name, *tag.same])), tag.moves)
        if key in merged:
            names, *rest = rows[merged[key]]
            rows[merged[key]] = (f"{names}, {tag.name}", rest[0], rest[1], rest[2])
        else:
            merged[key] = len(rows)
            rows.append((tag.name, tag.sharing or "", stands_for(tag), ", ".join(_MOVES[each] for each in tag.moves)))
    if rows:
        lines = table([("tag", "kind", "is now", "moves with"), *rows]).splitlines()
        yield from (shortened(line, WIDTH) for line in lines)
    yield from _EXACT


def stands_for(tag: Tag) -> str:
    """Return what a tag is now, by the name that says most."""
    parts = [name for text in tag.combines if (name := parse(text))]
    linux = [name.text for name in parts if name.kind != "windows"]
    windows = [name.os.partition("-")[2] for name in parts if name.kind == "windows"]
    if not parts:
        return tag.stands_for or "unknown"
    if linux and windows:
        return f"{', '.join(linux)} and {len(windows)} of Windows"
    return ", ".join(linux) or f"Windows {', '.join(windows)}"


def _others(listing: Listing) -> list[str]:
    """Return the images of a repository that tare knows nothing about, with all their names."""
    rows = [("tags", "kind", "may move", "platforms", "digest")]
    seen: set[str | None] = set()
    for tag in listing.tags:
        if tag.digest in seen:
            continue
        seen.add(tag.digest)
        group = [tag, *(other for other in listing.tags if other.name in tag.same)]
        floats = [other.name for other in group if other.moves]
        rows.append(
            (
                shortened(", ".join(other.name for other in group), 36),
                tag.sharing or "unknown",
                "yes" if len(floats) == len(group) else shortened(", ".join(floats) or "no", 16),
                shortened(platforms_text(tag.platforms), 24),
                (tag.digest or "")[7:15],
            )
        )
    return table(rows).splitlines() if len(rows) > 1 else ["It has no tags."]


def listing_json(explained: Explained) -> str:
    """Return the document about a repository."""
    listing = explained.listing
    variants = {row.name: row for row in listing.variants}
    document = {
        "schema": SCHEMA,
        "repository": explained.repository,
        "origin": explained.origin or None,
        "read": explained.read,
        "recorded": not explained.origin,
        "official": listing.official,
        "total": listing.total,
        "series": [msgspec.to_builtins(row) for row in listing.series],
        "hidden_series": list(listing.hidden),
        "variants": [{**msgspec.to_builtins(row), "platforms": _names(row.platforms)} for row in variants.values()],
        "cells": [{**msgspec.to_builtins(cell), "platforms": _names(cell.platforms)} for cell in listing.cells],
        "tags": [tag_document(tag) for tag in listing.tags],
        "notes": [*listing.notes, *explained.notes],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def tag_document(tag: Tag) -> dict[str, object]:
    """Return one tag as both documents have it."""
    return {
        "name": tag.name,
        "kind": tag.sharing,
        "digest": tag.digest,
        "aliases": list(tag.same),
        "is_now": tag.stands_for,
        "combines": list(tag.combines),
        "moves_with": list(tag.moves),
        "platforms": _names(tag.platforms),
    }


def _names(platforms: Iterable[Platform] | None) -> list[str] | None:
    return None if platforms is None else [platform_text(each) for each in platforms]
