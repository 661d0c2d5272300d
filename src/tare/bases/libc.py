"""A base's C library and what its loader finds: read from the files themselves."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from tare.bases.clues import Clue
from tare.bases.tree import Tree
from tare.oci.platform import Platform
from tare.wheels.target import Libc

_TRIPLETS: Final = {
    "386": "i386-linux-gnu",
    "amd64": "x86_64-linux-gnu",
    "arm64": "aarch64-linux-gnu",
    "loong64": "loongarch64-linux-gnu",
    "ppc64le": "powerpc64le-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "s390x": "s390x-linux-gnu",
}
"""The names of Debian's library directories (https://wiki.debian.org/Multiarch/Tuples)."""

_BUILT_IN: Final = ("lib64", "usr/lib64", "lib", "usr/lib")
_MUSL_BUILT_IN: Final = ("lib", "usr/local/lib", "usr/lib")


class FoundLibc(msgspec.Struct, frozen=True, kw_only=True):
    """A C library and the file that says so."""

    libc: Libc
    path: str


class FoundLibrary(msgspec.Struct, frozen=True, kw_only=True):
    """A library under a name that the loader looks for."""

    name: str
    versions: tuple[str, ...]
    """The symbol versions that it defines; none for a file under a name that is not its own."""


def find_libc(tree: Tree, architecture: str, *, preferred: str | None) -> FoundLibc | None:
    """Return the C library. *preferred* is the family of the interpreter's loader, where a base has both."""
    found = [
        FoundLibc(libc=libc, path=path)
        for path in _candidates(tree, architecture)
        if (libc := _version(tree.clue(path), architecture)) is not None
    ]
    found.sort(key=lambda item: item.libc.family != (preferred or "glibc"))
    return found[0] if found else None


def _candidates(tree: Tree, architecture: str) -> Iterator[str]:
    for directory in (*_multiarch(architecture), *_BUILT_IN):
        for name in tree.names(directory):
            if name == "libc.so.6" or name.startswith("ld-musl-"):
                yield f"/{directory}/{name}"


def _version(clue: Clue | None, architecture: str) -> Libc | None:
    if clue is None or clue.architecture != architecture:
        return None
    for text in clue.versions:
        family, _, version = text.partition(" ")
        major, minor = version.split(".")[:2]
        return Libc(family="musl" if family == "musl" else "glibc", major=int(major), minor=int(minor))
    return None


def directories(tree: Tree, libc: Libc, platform: Platform, *, before: Iterable[str]) -> tuple[str, ...]:
    """Return the directories where the loader looks, first to last, as paths from the image's root.

    *before* are those that come from the environment or from the program's own DT_RPATH.
    """
    if libc.family == "musl":
        texts = [tree.clue(f"/etc/{name}") for name in tree.names("/etc") if fnmatchcase(name, "ld-musl-*.path")]
        configured = [part for clue in texts if clue is not None for part in re.split(r"[:\n]", clue.text)]
        own = tuple(part for part in configured if part) or _MUSL_BUILT_IN
    else:
        own = (*_configured(tree), *_multiarch(platform.architecture, platform.variant), *_BUILT_IN)
    return tuple(dict.fromkeys("/" + path.strip().strip("/") for path in (*before, *own) if path.strip()))


def _configured(tree: Tree) -> Iterator[str]:
    """Yield what ld.so.conf names. The loader reads only the cache that `ldconfig` makes of it."""
    if not tree.is_file("/etc/ld.so.cache"):
        return
    waiting = ["/etc/ld.so.conf"]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        clue: Clue | None = tree.clue(path)
        if clue is None or path in seen:
            continue
        seen.add(path)
        for line in clue.text.splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["include"]:
                waiting += [name for pattern in words[1:] for name in _matching(tree, pattern)]
            else:
                yield from words


def _matching(tree: Tree, pattern: str) -> list[str]:
    directory, _, name = posixpath.join("/etc", pattern).rpartition("/")
    return [f"{directory}/{found}" for found in tree.names(directory) if fnmatchcase(found, name)]


def _multiarch(architecture: str, variant: str | None = None) -> tuple[str, ...]:
    triplet = _TRIPLETS.get(architecture)
    if architecture == "arm":
        triplet = "arm-linux-gnueabi" if variant in {"v5", "v6"} else "arm-linux-gnueabihf"
    return (f"lib/{triplet}", f"usr/lib/{triplet}") if triplet else ()


def find_libraries(tree: Tree, places: Iterable[str], architecture: str) -> tuple[FoundLibrary, ...]:
    """Return the libraries of that architecture in *places*, by the names they are looked for, sorted.

    The first place wins. A link to nothing is no library, nor is the text that linkers read in place of one.
    """
    found: dict[str, FoundLibrary] = {}
    for place in places:
        for name in tree.names(place):
            if name in found or not (name.endswith(".so") or ".so." in name):
                continue
            clue: Clue | None = tree.clue(f"{place}/{name}")
            if clue is not None and clue.architecture == architecture:
                own = clue.elf is not None and clue.elf.soname == name
                found[name] = FoundLibrary(name=name, versions=clue.elf.provides if clue.elf and own else ())
    return tuple(found[name] for name in sorted(found))
