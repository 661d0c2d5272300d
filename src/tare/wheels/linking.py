"""Whether the loader will find what the ELF files of an image's wheels need: a pure function of what was read.

It follows ld.so(8) and musl's loader: DT_RUNPATH or DT_RPATH with `$ORIGIN`, what an importing file has already
loaded, then the base's own directories. Where Python code can change the answer (a library that was opened by name
before, a plugin that is opened on request) it does not refuse.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from tare.wheels.elf import ElfInfo
from tare.wheels.lacking import Missing
from tare.wheels.libraries import KnownLibrary, Libraries, find, known_libraries
from tare.wheels.needs import ElfFile, WheelElf
from tare.wheels.target import Libc

_MUSL_ITSELF: Final = ("libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet.")
"""Names that musl's loader answers itself, whatever follows (`load_library` in ldso/dynlink.c)."""

_GLIBC_FEATURES: Final = {"GLIBC_ABI_DT_RELR": (2, 36)}
"""Versions that are no numbers, with the glibc that first defines them (its NEWS)."""

_ABSENT: Final = frozenset({"optional", "driver"})
_ELSEWHERE: Final = frozenset({"preloaded"})
_PLAIN: Final = (".so", ".abi3.so", ".abi3t.so")


class _Placed(NamedTuple):
    """A file of a wheel, where it lies in the image."""

    wheel: WheelElf
    file: ElfFile
    path: str

    @property
    def info(self) -> ElfInfo:
        return self.file.info


class _Gap(NamedTuple):
    kind: Literal["library", "version", "libc", "machine"]
    library: str
    wanted: str
    found: str
    certain: bool = True


def missing(
    needs: Iterable[WheelElf],
    provided: Libraries,
    *,
    installed_paths: Mapping[str, Mapping[str, str]],
    allowed: Iterable[str] = (),
    table: tuple[KnownLibrary, ...] | None = None,
) -> tuple[Missing, ...]:
    """Return what the files of *needs* will not find in an image whose base has *provided*.

    *installed_paths* gives, by wheel and by path in it, where files lie in the image, without a leading slash; a file
    that it does not name is not in the image. Libraries named in *allowed* are not missed.
    """
    placed = [
        _Placed(wheel, file, installed_paths[wheel.wheel][file.path])
        for wheel in needs
        for file in wheel.files
        if file.path in installed_paths.get(wheel.wheel, {})
    ]
    search = _Search(placed, provided, frozenset(allowed), known_libraries() if table is None else table)
    found = [_missing(place, gap, root) for place, root in search.walk() for gap in search.gaps(place)]
    return tuple(sorted(found, key=lambda item: (item.severity, item.wheel, item.path, item.library, item.wanted)))


def _missing(place: _Placed, gap: _Gap, root: _Placed | None) -> Missing:
    return Missing(
        distribution=place.wheel.distribution,
        wheel=place.wheel.wheel,
        path=place.file.path,
        kind=gap.kind,
        library=gap.library,
        wanted=gap.wanted,
        found=gap.found,
        severity="error" if root is not None and gap.certain else "warning",
        via=root.file.path if root is not None and root is not place else "",
    )


class _Search:
    """The loader's view of one image."""

    def __init__(
        self,
        placed: list[_Placed],
        provided: Libraries,
        allowed: frozenset[str],
        table: tuple[KnownLibrary, ...],
    ) -> None:
        self._placed = placed
        self._provided = provided
        self._allowed = allowed
        self._table = table
        self._base = frozenset(provided.names)
        self._by_path = {place.path: place for place in placed}
        self._by_name: dict[str, list[_Placed]] = defaultdict(list)
        for place in placed:
            for name in {place.path.rpartition("/")[2], place.info.soname or ""} - {""}:
                self._by_name[name].append(place)

    def walk(self) -> Iterator[tuple[_Placed, _Placed | None]]:
        """Yield every file once: what a module or command loads with the first that does, then the rest with None."""
        seen: set[str] = set()
        for root in self._roots():
            waiting = [root]
            while waiting:
                place = waiting.pop()
                if place.path in seen:
                    continue
                seen.add(place.path)
                yield place, root
                waiting += [to for name in place.info.needed if (to := self._wheel_library(place, name)) is not None]
        for place in self._placed:
            if place.path not in seen and self._fits(place.info):
                yield place, None

    def gaps(self, place: _Placed) -> Iterator[_Gap]:
        """Yield what *place* itself needs and will not find."""
        provided = self._provided
        if not self._fits(place.info):
            wanted = f"the processor {place.info.architecture}"
            yield _Gap("machine", place.path, wanted, f"the platform is `{provided.platform}`")
            return
        if place.info.libc not in {None, provided.libc.family}:
            yield _Gap("libc", place.path, str(place.info.libc), f"the base has {provided.libc}")
            return
        for name in place.info.needed:
            if name in self._allowed:
                continue
            if self._in_base(name) and self._reached(place, name) is None:
                yield from self._version_gaps(name, place.info.requires.get(name, ()))
            elif self._wheel_library(place, name) is None and not self._may_lack(place, name, _ABSENT):
                yield self._library_gap(place, name)

    def _library_gap(self, place: _Placed, name: str) -> _Gap:
        others = self._by_name.get(name, ())
        if not others:
            return _Gap("library", name, name, "neither the base nor a wheel has it")
        return _Gap(
            "library", name, name, f"only `{others[0].wheel.wheel}` has it, out of the loader's way", certain=False
        )

    def _roots(self) -> Iterator[_Placed]:
        wheels: dict[str, list[_Placed]] = defaultdict(list)
        for place in self._placed:
            wheels[place.wheel.wheel].append(place)
        for places in wheels.values():
            found = [place for place in places if self._is_module(place) or _is_command(place)]
            yield from found or self._only_library([place for place in places if self._fits(place.info)])

    def _is_module(self, place: _Placed) -> bool:
        name = place.path.rpartition("/")[2]
        suffix = "." + name.partition(".")[2]
        own = self._provided.extension_suffix
        tagged = suffix == own if own else suffix.startswith(".cpython-")
        return place.info.module and (suffix in _PLAIN or tagged)

    def _only_library(self, places: list[_Placed]) -> list[_Placed]:
        """Return the library of a wheel that has one and no module: its Python code opens it by `ctypes`.

        A wheel for any platform cannot count on the one that it ships.
        """
        needed = {name for place in places for name in place.info.needed}
        libraries = [
            place
            for place in places
            if not place.info.executable
            and not place.wheel.wheel.endswith("-any.whl")
            and not re.search(r"[^/]\.libs/", place.path)
            and not {place.path.rpartition("/")[2], place.info.soname} & needed
        ]
        return libraries if len(libraries) == 1 else []

    def _fits(self, info: ElfInfo) -> bool:
        return info.architecture == self._provided.platform.architecture

    def _in_base(self, name: str) -> bool:
        if self._provided.libc.family == "musl" and name.startswith(_MUSL_ITSELF):
            return True
        return name in self._base or self._may_lack(None, name, frozenset({"loader"}))

    def _may_lack(self, place: _Placed | None, name: str, kinds: frozenset[str]) -> bool:
        return (
            find(
                self._table,
                soname=name,
                distribution=place.wheel.distribution if place else "",
                path=place.file.path if place else "",
                kinds=kinds,
            )
            is not None
        )

    def _wheel_library(self, place: _Placed, name: str) -> _Placed | None:
        """Return the file of a wheel that *name* will be, if the loader finds it or has it already."""
        reached = self._reached(place, name)
        if reached is not None or self._in_base(name):
            return reached
        same = [
            other
            for other in self._by_name.get(name, ())
            if other.wheel is place.wheel or self._may_lack(place, name, _ELSEWHERE)
        ]
        return same[0] if same else None

    def _reached(self, place: _Placed, name: str) -> _Placed | None:
        """Return the file of a wheel that *place* finds in its own directories."""
        if "/" in name:
            return self._by_path.get(posixpath.normpath(name).lstrip("/"))
        origin = "/" + posixpath.dirname(place.path)
        for directory in place.info.runpath or place.info.rpath:
            expanded = directory.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
            found = self._by_path.get(posixpath.normpath(f"{expanded}/{name}").lstrip("/"))
            if found is not None and self._fits(found.info):
                return found
        return None

    def _version_gaps(self, name: str, versions: tuple[str, ...]) -> Iterator[_Gap]:
        """Compare with the versions that the base's library defines; one that defines none takes all, as in ld.so."""
        defined = self._provided.versions.get(name)
        libc = self._provided.libc
        if defined is None:
            lacking = [version for version in versions if _newer(version, libc)]
            found = f"the base has {libc}"
        else:
            lacking = [version for version in versions if defined and version not in defined]
            found = f"the base's has {_newest(defined, like=lacking)}"
        if lacking:
            yield _Gap("version", name, f"version {max(lacking, key=_order)}", found)


def _is_command(place: _Placed) -> bool:
    return place.info.executable and ".data/scripts/" in place.file.path


def _newer(version: str, libc: Libc) -> bool:
    if libc.family != "glibc" or not version.startswith("GLIBC_"):
        return False
    return _GLIBC_FEATURES.get(version, _numbers(version)) > (libc.major, libc.minor)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d{1,9}", version))


def _order(version: str) -> tuple[tuple[int, ...], str]:
    return _numbers(version), version


def _newest(defined: tuple[str, ...], *, like: list[str]) -> str:
    """Return the newest of *defined* that is named as those of *like* are."""
    family = max(like, key=_order).partition("_")[0] + "_" if like else ""
    same = [version for version in defined if version.startswith(family)]
    return f"up to {max(same, key=_order)}" if same else f"no {family}* version"
