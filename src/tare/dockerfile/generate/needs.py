"""What a selection of a lock needs of the system: nothing, as long as everything has a wheel."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from tare.dockerfile.generate.tables import always, system_needs
from tare.projects.locked import Locked, LockedArchive, LockedSdist, LockedVcs, LockedWheel


class SystemPackages(msgspec.Struct, frozen=True, kw_only=True):
    """Packages of the system, and why."""

    build: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    """Distributions that are built from source and need something for it."""

    unknown: tuple[str, ...] = ()
    """Those of which nobody has said what they need; they may need nothing."""


def system_packages(locked: Iterable[Locked], os: str, suite: str) -> SystemPackages:
    """Return what *locked*, taken for a base, needs on a suite of the operating system *os*."""
    table, every = system_needs(), tuple(locked)
    names = {each.name for each in every}
    build: dict[str, None] = {}
    run: dict[str, None] = {}
    built: list[str] = []
    unknown: list[str] = []
    for each in every:
        row = table.get(each.name)
        if row is not None and not names.isdisjoint(row.unless):
            continue
        if row is not None and not (isinstance(each, LockedWheel) and row.compiles):
            needs = row.on(os, suite)
            build |= dict.fromkeys((*(always("compiler", os) if row.compiles else ()), *needs.build))
            run |= dict.fromkeys(needs.run)
            if row.compiles:
                built.append(each.name)
        elif isinstance(each, LockedSdist) and any(platform != "any" for platform in each.offered):
            build |= dict.fromkeys(always("compiler", os))
            built.append(each.name)
            unknown.append(each.name)
        elif isinstance(each, LockedSdist | LockedArchive):
            unknown.append(each.name)
        if isinstance(each, LockedVcs):
            build |= dict.fromkeys(always("git", os))
            built.append(each.name)
    return SystemPackages(
        build=tuple(sorted(build)),
        run=tuple(sorted(run)),
        built=tuple(dict.fromkeys(built)),
        unknown=tuple(dict.fromkeys(unknown)),
    )


def unseen_packages(names: Iterable[str], os: str, suite: str) -> dict[str, tuple[str, ...]]:
    """Return what distributions called *names* need of the system when they run, which no file of theirs shows."""
    table, every = system_needs(), frozenset(names)
    rows = {name: table[name] for name in sorted(every) if name in table and not table[name].compiles}
    found = {name: row.on(os, suite).run for name, row in rows.items() if every.isdisjoint(row.unless)}
    return {name: packages for name, packages in found.items() if packages}


def in_project(locked: Iterable[Locked], root: str) -> tuple[Locked, ...]:
    """Return those of *locked* that are files or directories of *root*, so that a build needs more than the lock.

    What lies elsewhere on this machine is a wheelhouse, in the place of an index.
    """
    return tuple(each for each in locked if each.path is not None and os.path.commonpath((root, each.path)) == root)
