"""All findings of an image. A byte is in one of them at most, so that what they say adds up."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase, translate
from typing import TYPE_CHECKING, Final

from tare.measure.bytecode import bare, useless
from tare.measure.collapse import MAX_PATHS, collapse
from tare.measure.copies import copies
from tare.measure.dead import dead
from tare.measure.findings import About, Finding, about, table

if TYPE_CHECKING:
    from tare.measure.contents import Contents, Live
    from tare.measure.packages.owners import Owners
    from tare.measure.packages.package import Package


_WORTH: Final = 4096
"""Bytes of a file's debugging sections that are worth a word."""


class Waste:
    """Collects what is found in one image."""

    def __init__(
        self, contents: Contents, owners: Owners, kinds: Mapping[str, str], environment: Mapping[str, str]
    ) -> None:
        self._contents = contents
        self._owners = owners
        self._kinds = kinds
        self._environment = environment
        self._claimed: set[str] = set()
        """Paths of live files that a finding has."""

    def findings(self) -> tuple[Finding, ...]:
        """Return them, the largest first; those without bytes last."""
        found = [*self._dead(), *self._claims(), *self._bytecode(), *self._copies(), *self._debug(), *self._bare()]
        return tuple(sorted(found, key=lambda each: (-each.bytes, each.code)))

    def _dead(self) -> Iterable[Finding]:
        by_code: dict[str, dict[int, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
        for code, file in dead(self._contents):
            by_code[code][file.layer][file.path] = file.size
        in_layer: dict[int, list[str]] = defaultdict(list)
        for file in self._contents.files:
            in_layer[file.layer].append(file.path)
        for code, layers in by_code.items():
            paths: dict[str, int] = defaultdict(int)
            for number, files in layers.items():
                for path, size in collapse(files, in_layer[number]):
                    paths[path] += size
            count = sum(map(len, layers.values()))
            if any(paths.values()):
                yield _finding(about(code), paths, count, layers, f"{_files(count)} that no container sees")

    def _claims(self) -> Iterable[Finding]:
        free = [item for item in self._contents.live if item.size]
        for row in table():
            if row.claims:
                fits = _Fits(row)
                mine = [item for item in free if fits(item.path, self._kinds, self._owners.by_path.get(item.path))]
                if mine:
                    taken = {item.path for item in mine}
                    free = [item for item in free if item.path not in taken]
                    yield self._of(row, mine, f"{_files(len(mine))}{self._whose(mine)}")

    def _bytecode(self) -> Iterable[Finding]:
        by_code: dict[str, list[Live]] = defaultdict(list)
        for code, item in useless(self._contents, self._owners.installations, self._environment):
            if item.path not in self._claimed:
                by_code[code].append(item)
        for code, items in by_code.items():
            yield self._of(about(code), items, f"{_files(len(items))} that no interpreter of the image reads")

    def _copies(self) -> Iterable[Finding]:
        spare = [
            item
            for group in copies(
                item
                for item in self._contents.live
                if item.path not in self._claimed and self._kinds[item.path] != "licence"
            )
            for item in group[1:]
        ]
        if spare:
            yield self._of(about("TW502"), spare, f"{_files(len(spare))} with the content of another one")

    def _debug(self) -> Iterable[Finding]:
        found = {
            item.path: item.file.debug
            for item in self._contents.live
            if item.first and item.file.debug >= _WORTH and item.path not in self._claimed and ".libs/" not in item.path
        }
        if found:
            layers = {item.file.layer for item in self._contents.live if item.path in found}
            ordered = dict(sorted((f"/{path}", size) for path, size in found.items()))
            yield _finding(about("TW501"), ordered, len(found), layers, f"sections of {_files(len(found))}")

    def _bare(self) -> Iterable[Finding]:
        modules = [
            item
            for item in bare(self._contents, self._owners.installations, self._kinds)
            if item.path not in self._claimed
        ]
        if modules and self._owners.installations:
            message = f"{_files(len(modules), 'module')} {'has' if len(modules) == 1 else 'have'} none"
            row = about("TW604")
            paths = collapse({item.path: item.size for item in modules}, [item.path for item in self._contents.live])
            yield Finding(
                code=row.code,
                title=row.title,
                bytes=0,
                files=len(modules),
                paths=tuple(path for path, _ in paths[:MAX_PATHS]),
                layers=tuple(sorted({item.file.layer for item in modules})),
                safety=row.safety,
                message=message,
                fix=row.fix,
            )

    def _of(self, row: About, items: list[Live], message: str) -> Finding:
        """Return the finding of live files, which are claimed by it."""
        self._claimed |= {item.path for item in items}
        paths = collapse(
            {item.path: item.size for item in items}, [item.path for item in self._contents.live if item.size]
        )
        return _finding(row, dict(paths), len(items), {item.file.layer for item in items}, message)

    def _whose(self, items: list[Live]) -> str:
        """Return the packages with the most bytes among *items*, as the end of a sentence."""
        sizes: dict[str, int] = defaultdict(int)
        for item in items:
            owner = self._owners.by_path.get(item.path)
            if owner is not None:
                sizes[owner.name] += item.size
        names = sorted(sizes, key=lambda name: (-sizes[name], name))
        if not names:
            return ""
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return " of " + ", ".join(names[:3]) + more


class _Fits:
    """Whether a file is one that a row is about."""

    def __init__(self, row: About) -> None:
        self._row = row
        self._paths = re.compile("|".join(map(translate, row.paths))) if row.paths else None
        self._but = re.compile("|".join(map(translate, row.but))) if row.but else None
        self._known: dict[Package, bool] = {}

    def __call__(self, path: str, kinds: Mapping[str, str], owner: Package | None) -> bool:
        row = self._row
        if row.of and (owner is None or owner.ecosystem not in row.of):
            return False
        fits = (
            (self._paths is not None and self._paths.match(path) is not None)
            or (bool(row.kinds) and kinds[path] in row.kinds)
            or (bool(row.packages) and owner is not None and self._named(owner))
        )
        return fits and (self._but is None or self._but.match(path) is None)

    def _named(self, owner: Package) -> bool:
        if owner not in self._known:
            name = f"{owner.ecosystem}:{owner.name.lower()}"
            self._known[owner] = any(fnmatchcase(name, pattern) for pattern in self._row.packages) and not any(
                fnmatchcase(name, pattern) for pattern in self._row.unless
            )
        return self._known[owner]


def _finding(row: About, paths: Mapping[str, int], count: int, layers: Iterable[int], message: str) -> Finding:
    ordered = sorted(paths, key=lambda path: (-paths[path], path))
    return Finding(
        code=row.code,
        title=row.title,
        bytes=sum(paths.values()),
        files=count,
        paths=tuple(ordered[:MAX_PATHS]),
        layers=tuple(sorted(layers)),
        safety=row.safety,
        message=message,
        fix=row.fix,
    )


def _files(count: int, noun: str = "file") -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
