"""The closure: which packages a base consists of, and why each of them is there.

Pure: from an index and names to a frozen list. What maintainer scripts alone would need is left out; `debian.toml` says
what that is. Recommended packages are never taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from tare.bases.debian.relations import Relation, satisfies
from tare.bases.debian.tables import LeftOut, Suite, Tables
from tare.bases.debian.universe import Candidate, Universe, provides
from tare.errors import TargetError, UsageError
from tare.oci.digest import Digest


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package of a base. A list of these is the whole pin: it can be assembled again without asking anyone."""

    name: str
    version: str

    architecture: str
    """The suite's, or `all`."""

    archive: str
    """The suite directory that listed it, such as `trixie-security`."""

    filename: str
    """Its path below the archive's root."""

    size: int
    """Bytes of the `.deb`."""

    digest: Digest

    installed_size: int
    """Bytes that its packager estimated; what stays in an image is less."""

    why: str
    """Who needs it."""

    named: bool = False
    """Whether a person named it, so that nothing of it is omitted."""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A dependency that was left out."""

    name: str
    of: str
    reason: str
    told: bool


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """What was resolved."""

    packages: tuple[Package, ...]
    """By name."""

    skipped: tuple[Skipped, ...]


def base_roots(tables: Tables, suite: Suite) -> dict[str, str]:
    """Return the packages that every base of *suite* has, and why."""
    return {
        row.name.format(python=suite.python): row.reason
        for row in tables.root
        if not row.suites or suite.codename in row.suites
    }


def resolve(
    universe: Universe, roots: Mapping[str, str], *, named: Iterable[str] = (), left_out: Iterable[LeftOut] = ()
) -> Closure:
    """Return the closure of *roots*, with the reason of each, and of what a person *named*."""
    return _Resolver(universe, tuple(left_out)).run(dict(roots), tuple(sorted(set(named))))


class _Resolver:
    def __init__(self, universe: Universe, left_out: tuple[LeftOut, ...]) -> None:
        self._universe = universe
        self._left_out = left_out
        self._chosen: dict[str, Candidate] = {}
        self._why: dict[str, str] = {}
        self._skipped: dict[tuple[str, str], Skipped] = {}
        self._queue: deque[Candidate] = deque()

    def run(self, roots: dict[str, str], named: tuple[str, ...]) -> Closure:
        for name, why in roots.items():
            self._take(self._root(name, named=False), why)
        for name in named:
            # What a person names may be virtual, as `awk` is.
            self._take(self._root(name, named=True), "it is named by the project")
        while self._queue:
            candidate = self._queue.popleft()
            for group in candidate.needs:
                self._need(candidate, group)
        wanted = {self._root(name, named=True).name for name in named}
        return Closure(
            packages=tuple(
                _package(self._chosen[name], self._why[name], named=name in wanted) for name in sorted(self._chosen)
            ),
            skipped=tuple(self._skipped[key] for key in sorted(self._skipped)),
        )

    def _root(self, name: str, *, named: bool) -> Candidate:
        found = self._universe.find(name) or next(iter(self._universe.providers(Relation(name=name))), None)
        if found is not None:
            return found
        where = f"`deb:{self._universe.suite}`"
        if named:
            raise UsageError(f"{where} has no package `{name}`", hints=_nearest(name, self._universe))
        raise TargetError(f"{where} has no package `{name}`", causes=("every base needs it",))

    def _take(self, candidate: Candidate, why: str) -> None:
        if candidate.name not in self._chosen:
            self._chosen[candidate.name] = candidate
            self._why[candidate.name] = why
            self._queue.append(candidate)

    def _need(self, owner: Candidate, group: tuple[Relation, ...]) -> None:
        """Take one of *group*, unless one is there already or none is needed."""
        if any(self._is_there(relation) for relation in group):
            return
        for relation in group:
            row = self._rule(relation.name, owner.name)
            if row is not None:
                self._skipped[relation.name, owner.name] = Skipped(
                    name=relation.name, of=owner.name, reason=row.reason, told=row.told
                )
                return
        for relation in group:
            candidate = self._best(relation)
            if candidate is not None:
                self._take(candidate, f"`{owner.name}` needs it")
                return
        raise TargetError(
            f"`{owner.name}` {owner.version} cannot be installed on `deb:{self._universe.suite}`",
            causes=(f"it needs {' or '.join(f'`{relation}`' for relation in group)}; {self._state(group)}",),
        )

    def _is_there(self, relation: Relation) -> bool:
        chosen = self._chosen.get(relation.name)
        if chosen is not None and satisfies(chosen.version, relation):
            return True
        return any(provides(candidate, relation) for candidate in self._chosen.values())

    def _rule(self, name: str, owner: str) -> LeftOut | None:
        return next((row for row in self._left_out if row.name == name and (not row.of or owner in row.of)), None)

    def _best(self, relation: Relation) -> Candidate | None:
        if relation.architecture not in {"", "any", "native", self._universe.architecture}:
            return None
        candidate = self._universe.find(relation.name)
        if candidate is not None and satisfies(candidate.version, relation):
            return candidate
        return next(iter(self._universe.providers(relation)), None)

    def _state(self, group: tuple[Relation, ...]) -> str:
        found = [candidate for relation in group if (candidate := self._universe.find(relation.name)) is not None]
        if not found:
            return "the suite has none of that"
        return "the suite has " + ", ".join(f"`{candidate.name}` {candidate.version}" for candidate in found)


def _package(candidate: Candidate, why: str, *, named: bool) -> Package:
    return Package(
        name=candidate.name,
        version=candidate.version,
        architecture=candidate.architecture,
        archive=candidate.archive,
        filename=candidate.filename,
        size=candidate.size,
        digest=candidate.digest,
        installed_size=candidate.installed_size,
        why=why,
        named=named,
    )


def _nearest(name: str, universe: Universe) -> tuple[str, ...]:
    import difflib

    near = [other for other in universe.names() if other[:1] == name[:1] and abs(len(other) - len(name)) <= 3]
    found = difflib.get_close_matches(name, near, n=1, cutoff=0.75)
    return (f"Did you mean `{found[0]}`?",) if found else ()
