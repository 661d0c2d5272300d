"""The tags of any repository: which are one image, for what, and which look as if they move."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tare.bases.tag_listing import Content, Listing, Seen, Tag
from tare.oci.digest import Digest

MAX_LOOKED_UP: Final = 200
MAX_DOCUMENTS: Final = 12
"""Of images whose tags come first. Registries count these requests."""

_numbers = re.compile(r"([0-9]+)")
_version = re.compile(r"v?[0-9]+(?:\.[0-9]+)*")


def order(tags: Iterable[str]) -> list[str]:
    """Return *tags* with the newest first, as far as names tell: `latest`, then by the numbers in them.

    >>> order(["1.9", "1.10", "latest", "edge"])
    ['latest', '1.10', '1.9', 'edge']
    """
    return sorted(tags, key=_sort_key, reverse=True)


def _sort_key(tag: str) -> tuple[bool, bool, list[tuple[int, str]], int]:
    parts = [(int(part), "") if part.isdigit() else (-1, part) for part in _numbers.split(tag)]
    return tag == "latest", _version.match(tag) is not None, parts, -len(tag)


def choose(tags: Iterable[str], *, everything: bool) -> tuple[str, ...]:
    """Return the tags to look up."""
    found = order(tags)
    return tuple(found if everything else found[:MAX_LOOKED_UP])


def documents(names: Iterable[str], images: dict[str, str], *, everything: bool) -> tuple[Digest, ...]:
    """Return the documents to read."""
    found = list(dict.fromkeys(images[name] for name in names if name in images))
    return tuple(found if everything else found[:MAX_DOCUMENTS])


def explain_other(seen: Seen, names: Iterable[str]) -> Listing:
    """Explain a repository about which nothing is known."""
    groups: dict[str, list[str]] = {}
    shown = [name for name in names if name in seen.images]
    for name in shown:
        groups.setdefault(seen.images[name], []).append(name)
    return Listing(official=False, tags=tuple(_tag(name, seen, groups) for name in shown), total=len(seen.tags))


def _tag(name: str, seen: Seen, groups: dict[str, list[str]]) -> Tag:
    image = seen.images[name]
    content: Content | None = seen.contents.get(image)
    best = _fullest(groups[image])
    floats = _floats(name, seen.tags)
    return Tag(
        name=name,
        sharing=content.sharing if content else None,
        digest=image,
        same=tuple(other for other in groups[image] if other != name),
        stands_for=best if floats and best != name else None,
        moves=("version",) if floats else (),
        platforms=content.platforms if content else None,
    )


def _fullest(names: list[str]) -> str:
    """Return the name that says most: the one with the most numbers."""
    return max(names, key=lambda name: (len(_numbers.findall(name)), len(name)))


def _floats(name: str, tags: Iterable[str]) -> bool:
    """Tell whether *name* looks like one that moves: it names no version, or a part of another tag's version."""
    found = _version.match(name)
    if found is None:
        return not _numbers.search(name) or name == "latest"
    longer = re.compile(rf"{re.escape(found[0])}\.[0-9]+(?:\.[0-9]+)*{re.escape(name[found.end() :])}")
    return any(longer.fullmatch(other) for other in tags)
