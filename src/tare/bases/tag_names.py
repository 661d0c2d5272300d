"""The names of tags: what the grammar of Docker's official images says, before anything is looked up.

https://github.com/docker-library/faq#whats-the-difference-between-shared-and-simple-tags and the generator of
docker-library/python define it: a version, then a variant. A *simple* tag is one image of one operating system, often
for several processors. A *shared* tag combines images of several operating systems: Debian and the Windows releases, or
the Windows releases alone.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

TagKind = Literal["simple", "shared"]
Open = Literal["full", "slim", "alpine", "windowsservercore"]
Move = Literal["series", "patch", "suite"]

OPEN: Final[dict[str, str]] = {"full": "", "slim": "slim", "alpine": "alpine", "windows": "windowsservercore"}
"""What a tag of each kind of variant ends in when it leaves the operating system open."""

_tag = re.compile(
    r"(?P<version>latest|[0-9]+(?:\.[0-9]+){0,2}(?:(?:a|b|rc)[0-9]+|-rc)?)?(?:(?(version)-)(?P<variant>[a-z].*))?"
)
_version = re.compile(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(?:(a|b|rc)([0-9]+))?")
_alpine = re.compile(r"alpine[0-9]+\.[0-9]+")
_suite = re.compile(r"[a-z]+")
_NOT_A_SUITE: Final = frozenset({"onbuild", "latest", "rc"})

VersionKey = tuple[int, int, int, int, int]
_STAGES: Final = {"a": 0, "b": 1, "rc": 2, "": 3}


class TagName(msgspec.Struct, frozen=True, kw_only=True):
    """What the name of a tag of the official `python` says."""

    text: str

    version: str
    """As it is written: `3`, `3.14`, `3.14.7`, `3.15-rc`, `latest` or nothing."""

    series: str
    """`3.14`, whether final or not; empty for a tag that leaves it open."""

    kind: Literal["full", "slim", "alpine", "windows"]

    os: str
    """`trixie`, `alpine3.24`, `windowsservercore-ltsc2025`; empty for a tag that leaves it open."""

    @property
    def variant(self) -> str:
        """What follows the version."""
        if not self.os:
            return OPEN[self.kind]
        return f"slim-{self.os}" if self.kind == "slim" else self.os

    @property
    def exact(self) -> bool:
        """Whether the version is one release of CPython."""
        return _key(self.version) is not None

    @property
    def sharing(self) -> TagKind:
        """Whether it is a simple or a shared tag."""
        return "shared" if not self.os and self.kind in {"full", "windows"} else "simple"

    @property
    def moves(self) -> tuple[Move, ...]:
        """What may be another one tomorrow. Even a tag that leaves nothing open is built again when its base changes."""
        found: list[Move] = []
        if not self.series:
            found.append("series")
        if not self.exact:
            found.append("patch")
        if not self.os:
            found.append("suite")
        return tuple(found)

    @property
    def order(self) -> tuple[int, VersionKey, bool]:
        """Sorts names of the same image by how much they say."""
        parts = 0 if not self.version or self.version == "latest" else self.version.count(".") + 1
        return parts, _key(self.version) or (0, 0, 0, 0, 0), bool(self.os)


def parse(text: str) -> TagName | None:
    """Return what *text* says, or None if it is no name of this grammar.

    >>> name = parse("3.14-slim-trixie")
    >>> name.series, name.kind, name.os, name.moves
    ('3.14', 'slim', 'trixie', ('patch',))
    >>> parse("latest").sharing, parse("slim").sharing
    ('shared', 'simple')
    """
    found = _tag.fullmatch(text)
    if found is None or not text:
        return None
    version, variant = found["version"] or "", found["variant"] or ""
    read = _read_variant(variant)
    if read is None:
        return None
    return TagName(text=text, version=version, series=_series(version), kind=read[0], os=read[1])


def _read_variant(variant: str) -> tuple[Literal["full", "slim", "alpine", "windows"], str] | None:
    if variant in {"", "slim", "alpine", "windowsservercore"}:
        kinds: dict[str, Literal["full", "slim", "alpine", "windows"]] = {"": "full", "windowsservercore": "windows"}
        return kinds.get(variant, "slim" if variant == "slim" else "alpine"), ""
    if _alpine.fullmatch(variant):
        return "alpine", variant
    if variant.startswith(("windowsservercore-", "nanoserver-")):
        return "windows", variant
    suite = variant.removeprefix("slim-")
    if _suite.fullmatch(suite) is None or suite in _NOT_A_SUITE:
        return None
    return ("slim" if variant.startswith("slim-") else "full"), suite


def _series(version: str) -> str:
    found = _version.match(version)
    return f"{found[1]}.{found[2]}" if found else ""


def _key(version: str) -> VersionKey | None:
    """Return what an exact version is sorted by, and None for one that is not exact."""
    found = _version.fullmatch(version)
    if found is None or found[3] is None:
        return None
    return int(found[1]), int(found[2]), int(found[3]), _STAGES[found[4] or ""], int(found[5] or 0)


def version_key(version: str) -> VersionKey:
    """Return what an exact version is sorted by.

    >>> version_key("3.15.0rc1") < version_key("3.15.0")
    True
    """
    return _key(version) or (0, 0, 0, 0, 0)


def series_key(series: str) -> tuple[int, ...]:
    """Return what a series is sorted by.

    >>> sorted(["3.9", "3.10"], key=series_key)
    ['3.9', '3.10']
    """
    return tuple(int(part) for part in series.split("."))


def join(version: str, variant: str) -> str:
    """Return the tag of *version* and *variant*, of which one may be empty. `latest-slim` is called `slim`."""
    if version == "latest" and variant:
        version = ""
    return "-".join(part for part in (version, variant) if part)
