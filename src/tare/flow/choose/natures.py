"""Pure or native: whether a source needs a compiler, told by its release's wheels or by what is in it."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from tare.errors import TareError
from tare.flow.build.archives import UNSOUND, check_plain
from tare.flow.build.distributions import digest_of, fetch
from tare.flow.world import World
from tare.projects.locked import Locked, LockedArchive, LockedDirectory, LockedSdist
from tare.stores.cache import key_of

FORMAT: Final = 2
MAX_SOURCE: Final = 64 * 1024 * 1024
"""Bytes of a source distribution that is fetched to look into it."""
MAX_MEMBERS: Final = 50_000
MAX_UNPACKED: Final = 1024 * 1024 * 1024
"""Bytes of the files in it, which are inflated only to get past them."""

_backends = re.compile(r"build-backend\s*=\s*[\"']\s*(maturin|mesonpy|scikit_build_core[\w.]*|setuptools_rust[\w.]*)")
_compiled = re.compile(r".*\.(c|cc|cpp|cxx|pyx|rs|f|f90|cu)|(.*/)?(CMakeLists\.txt|Cargo\.toml|meson\.build)")
_aside = re.compile(r"(^|/)(tests?|docs?|examples?|benchmarks?|vendor)/")


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    source: str


class _Nature(msgspec.Struct, frozen=True, kw_only=True):
    native: bool | None
    why: str


def nature(world: World, locked: Locked) -> tuple[bool | None, str]:
    """Return whether building *locked* needs a compiler, and what tells it. None if nothing does."""
    match locked:
        case LockedSdist() if locked.offered:
            if locked.offered == ("any",):
                return False, "its wheels are for any platform"
            return True, f"its wheels are for {_short(locked.offered)}"
        case LockedSdist() | LockedArchive():
            return _looked_into(world, locked)
        case LockedDirectory():
            place = Path(locked.path, locked.subdirectory or "")
            names = (str(path.relative_to(place)) for path in sorted(place.rglob("*"))[:MAX_MEMBERS])
            return _judge(names, _text(place / "pyproject.toml"))
        case _:
            return None, "its sources are in a repository"


def _looked_into(world: World, locked: LockedSdist | LockedArchive) -> tuple[bool | None, str]:
    digest = digest_of(locked)
    key = key_of(_Key(format=FORMAT, source=digest))
    known = world.cache.recall("natures", key, _Nature)
    if known is None:
        path = world.cache.path(digest)
        try:
            if not path.exists():
                if (locked.size or 0) > MAX_SOURCE:
                    return None, f"its source has {locked.size:,} bytes, and was not looked into"
                fetch(world, locked, digest, path)
        except TareError as error:
            return None, f"its source cannot be read: {error.message}"
        try:
            native, why = _judge(*_listing(path, locked.filename))
        except (*UNSOUND, OSError) as error:  # gzip and bz2 say with an OSError that their data are damaged
            return None, f"its source cannot be read: {error}"
        known = _Nature(native=native, why=why)
        world.cache.remember("natures", key, msgspec.json.encode(known))
    return known.native, known.why


def _listing(path: Path, filename: str) -> tuple[list[str], str]:
    """Return the names in a source distribution, below its top directory, and its `pyproject.toml`."""
    data = path.read_bytes()
    pairs = _zip(data) if filename.endswith(".zip") else _tar(data)
    names, text = [], ""
    for name, content in pairs:
        inner = name.partition("/")[2]
        names.append(inner)
        if inner == "pyproject.toml":
            text = content
    return names, text


def _tar(data: bytes) -> Iterator[tuple[str, str]]:
    unpacked = 0
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
        for number, member in enumerate(archive):
            unpacked += member.size
            if number >= MAX_MEMBERS or unpacked > MAX_UNPACKED:
                raise tarfile.ReadError("it has more in it than a source")
            wanted = member.name.count("/") == 1 and member.name.endswith("/pyproject.toml") and member.size < 1 << 20
            file = archive.extractfile(member) if wanted and member.isfile() else None
            yield member.name, file.read().decode("utf-8", "replace") if file else ""


def _zip(data: bytes) -> Iterator[tuple[str, str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for member in archive.infolist():
            wanted = member.filename.count("/") == 1 and member.filename.endswith("/pyproject.toml")
            if wanted and member.file_size < 1 << 20:
                check_plain(member)
                yield member.filename, archive.read(member).decode("utf-8", "replace")
            else:
                yield member.filename, ""


def _judge(names: Iterable[str], pyproject: str) -> tuple[bool, str]:
    backend = _backends.search(pyproject)
    if backend:
        return True, f"its build backend is `{backend[1]}`"
    compiled = [name for name in names if _compiled.fullmatch(name) and not _aside.search(name)]
    if compiled:
        return True, f"its source has `{''.join(each if each.isprintable() else '?' for each in compiled[0])}`"
    return False, "its source has nothing that is compiled"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return ""


def _short(names: tuple[str, ...]) -> str:
    """Return a few of the platforms that wheels are for, those of Linux first."""
    ordered = sorted(names, key=lambda name: "linux" not in name)
    return ", ".join(ordered[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
