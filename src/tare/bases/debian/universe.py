"""All packages that a suite has for one architecture: of each name the highest version over its archives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from tare.bases.debian.packages import PackagesIndex, Stanza
from tare.bases.debian.relations import Relation, relations, satisfies, version_key
from tare.errors import IntegrityError
from tare.oci.digest import Digest

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]{0,200}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PRIORITIES: Final = ("required", "important", "standard", "optional")


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A package that could be installed."""

    name: str
    version: str

    architecture: str
    """The suite's, or `all`."""

    archive: str
    """The suite directory that lists it, such as `trixie-security`."""

    filename: str
    """Its path below the archive's root."""

    size: int
    """Bytes of the `.deb`."""

    digest: Digest

    installed_size: int
    """Bytes that its packager estimated, in steps of 1,024."""

    needs: tuple[tuple[Relation, ...], ...]
    """Alternatives, one of which is needed of each: `Pre-Depends`, then `Depends`."""

    provides: tuple[Relation, ...]
    replaces: tuple[Relation, ...]
    priority: str


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a package, and where it is."""

    archive: str
    version: str


class Universe:
    """The merged indexes."""

    def __init__(self, indexes: Iterable[PackagesIndex], *, suite: str, architecture: str) -> None:
        self.suite = suite
        self.architecture = architecture
        self._indexes = tuple(indexes)
        self._found: dict[str, Candidate | None] = {}

    def find(self, name: str) -> Candidate | None:
        """Return the highest version of the package *name*."""
        if name not in self._found:
            found = [
                (index.archive, stanza)
                for index in self._indexes
                for stanza in index.find(name)
                if stanza.get("Architecture") in {self.architecture, "all"}
            ]
            best = max(found, key=lambda item: version_key(item[1].get("Version", "")), default=None)
            self._found[name] = best and _candidate(best[0], best[1])
        return self._found[name]

    def offers(self, name: str) -> tuple[Offer, ...]:
        """Return every version of the package *name*, of all archives."""
        return tuple(
            Offer(archive=index.archive, version=stanza.get("Version", ""))
            for index in self._indexes
            for stanza in index.find(name)
            if stanza.get("Architecture") in {self.architecture, "all"}
        )

    def providers(self, relation: Relation) -> list[Candidate]:
        """Return the packages whose `Provides` satisfies *relation*, best first: by priority, then by name."""
        names = sorted({name for index in self._indexes for name in index.providers(relation.name)})
        candidates = [candidate for name in names if (candidate := self.find(name)) is not None]
        return sorted(
            (candidate for candidate in candidates if provides(candidate, relation)),
            key=lambda candidate: (_rank(candidate.priority), candidate.name),
        )

    def names(self) -> Sequence[str]:
        """Return the names of all packages."""
        return sorted({name for index in self._indexes for name in index.names()})


def provides(candidate: Candidate, relation: Relation) -> bool:
    """Tell whether a virtual package of *candidate* satisfies *relation*. Only a versioned one satisfies a version."""
    return any(
        offered.name == relation.name and (relation.operator == "" or satisfies(offered.version, relation))
        for offered in candidate.provides
        if relation.operator == "" or offered.operator == "="
    )


def _candidate(archive: str, stanza: Stanza) -> Candidate:
    name, filename, digest = stanza.get("Package", ""), stanza.get("Filename", ""), stanza.get("SHA256", "")
    size = stanza.get("Size", "")
    parts = filename.split("/")
    if not _NAME.fullmatch(name) or not _SHA256.fullmatch(digest) or not size.isdigit() or {"", ".", ".."} & set(parts):
        raise IntegrityError(
            f"the index of `{archive}` is not sound",
            causes=(f"the package `{name[:80]}` has no sound name, path, size or SHA-256",),
        )
    installed = stanza.get("Installed-Size", "0")
    return Candidate(
        name=name,
        version=stanza.get("Version", ""),
        architecture=stanza.get("Architecture", ""),
        archive=archive,
        filename=filename,
        size=int(size),
        digest=f"sha256:{digest}",
        installed_size=int(installed) * 1024 if installed.isdigit() else 0,
        needs=(*relations(stanza.get("Pre-Depends", "")), *relations(stanza.get("Depends", ""))),
        provides=tuple(relation for group in relations(stanza.get("Provides", "")) for relation in group),
        replaces=tuple(relation for group in relations(stanza.get("Replaces", "")) for relation in group),
        priority=stanza.get("Priority", "extra"),
    )


def _rank(priority: str) -> int:
    return _PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES)
