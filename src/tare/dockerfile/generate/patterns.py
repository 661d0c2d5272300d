"""Files that shall go, as few patterns of the shell that match nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

_PLAIN = re.compile(r"[\w.+@%=-]+")
"""A component that the shell takes as it is."""


def patterns(gone: Iterable[str], kept: Iterable[str], *, others: bool = False) -> tuple[str, ...]:
    """Return patterns that match *gone* and none of *kept*, sorted. All are paths of files, relative to one directory.

    A directory of which nothing is kept goes as a whole. Paths that would have to be quoted are left out. *others* says
    that there is more than these in the directory, which stays: no pattern then stands for directories of any name.

    >>> patterns(["a/tests/x.py", "b/tests/data/y", "b/c.c", "b/d.c"], ["a/x.py", "b/x.py"])
    ('*/tests', 'b/*.c')
    """
    kept = set(kept)
    stays = _Tree(kept)
    named = dict.fromkeys(path for path in map(stays.highest_gone, sorted(gone)) if _is_plain(path))
    found = set(dict.fromkeys(stays.with_its_kind(path) for path in named))
    while shorter := None if others else _shorter(found, stays):
        found = {each for each in found if not matches(shorter, each)} | {shorter}
    return tuple(sorted(found))


class _Tree:
    """Files that stay, and the directories that they are in."""

    def __init__(self, kept: Iterable[str]) -> None:
        self.files = set(kept)
        self.directories = {parent for path in self.files for parent in _parents(path)}
        self._by_depth: dict[int, list[str]] = {}
        for path in (*self.files, *self.directories):
            self._by_depth.setdefault(path.count("/"), []).append(path)

    def highest_gone(self, path: str) -> str:
        """Return the highest directory of *path* in which nothing stays, or *path* itself."""
        return next((parent for parent in _parents(path) if parent not in self.directories), path)

    def with_its_kind(self, path: str) -> str:
        """Return `directory/*.c` for a file, or `directory/test_*.py`, where no such file of its directory stays."""
        directory, _, name = path.rpartition("/")
        suffix = name[name.rfind(".") :] if "." in name[1:] else ""
        if not directory or not suffix:
            return path
        start = f"{name.partition('_')[0]}_" if "_" in name[1:] else ""
        wider = (f"{directory}/*{suffix}", *([f"{directory}/{start}*{suffix}"] if start else []))
        return next((pattern for pattern in wider if not self.has(pattern)), path)

    def has(self, pattern: str) -> bool:
        """Whether *pattern* matches something that stays."""
        return any(matches(pattern, path) for path in self._by_depth.get(pattern.count("/"), ()))


def _parents(path: str) -> Iterator[str]:
    """Yield the directories of *path*, the highest first."""
    place = path.find("/")
    while place > 0:
        yield path[:place]
        place = path.find("/", place + 1)


def _is_plain(path: str) -> bool:
    return all(_PLAIN.fullmatch(part) for part in path.split("/"))


def _shorter(found: set[str], stays: _Tree) -> str | None:
    """Return the pattern, with one component replaced by `*`, that stands for most of *found*; None where none does."""
    counts: dict[str, int] = {}
    for each in found:
        parts = each.split("/")
        for place in range(len(parts) - 1):
            pattern = "/".join((*parts[:place], "*", *parts[place + 1 :]))
            counts[pattern] = counts.get(pattern, 0) + (pattern != each)
    ordered = sorted(
        (pattern for pattern, count in counts.items() if count > 1), key=lambda each: (-counts[each], each)
    )
    return next((pattern for pattern in ordered if not stays.has(pattern)), None)


def matches(pattern: str, path: str) -> bool:
    """Whether a shell's *pattern* matches *path*: component by component, and no hidden name by a leading `*`.

    >>> matches("*/tests", "a/tests"), matches("*/tests", "a/b/tests"), matches("*/x", ".a/x")
    (True, False, False)
    """
    parts, names = pattern.split("/"), path.split("/")
    return len(parts) == len(names) and all(map(_matches, parts, names))


def _matches(part: str, name: str) -> bool:
    return part == name or (fnmatchcase(name, part) and not (part.startswith("*") and name.startswith(".")))
