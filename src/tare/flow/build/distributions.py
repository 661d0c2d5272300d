"""From what a lock names to wheels that lie in the cache: fetched, or built where there is only source."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import assert_never

import msgspec

from tare import threads
from tare.errors import IntegrityError, ProjectError, TareError, TargetError
from tare.flow.build.provenance import direct_url
from tare.flow.build.source_trees import SourceTree, source_tree
from tare.flow.world import World
from tare.oci.digest import Digest, parse
from tare.projects.locked import Locked, LockedArchive, LockedDirectory, LockedSdist, LockedVcs, LockedWheel
from tare.stores.cache import hash_file, key_of
from tare.wheels.scheme import Provenance
from tare.wheels.target import Target
from tare.wheels.wheel import Wheel, open_wheel

_STRONG = ("sha256", "sha512")
"""Algorithms of hashes that prove something and can name a blob, in the order in which they are taken."""

BUILD_FORMAT = 2
"""Raised when the same source would be built in another way."""


class Acquired(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution's wheel, and what an installer notes about where it came from."""

    wheel: Wheel
    provenance: Provenance

    built: bool
    """Whether it was built here, so that its deflate streams come from this machine's zlib."""

    size: int
    """Bytes of the wheel's file."""


class BuiltWheel(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel that was built here."""

    filename: str
    digest: Digest
    size: int
    """Bytes of its file."""


class _BuildKey(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    source: str
    python: str
    epoch: int


def acquire(
    world: World, locked: Iterable[Locked], target: Target, *, requested: frozenset[str]
) -> tuple[Acquired, ...]:
    """Return the wheels of *locked*, in its order. Distributions in *requested* are those that the project names."""
    locked = tuple(locked)
    files = _fetch_all(world, [each for each in locked if isinstance(each, LockedWheel)])
    acquired = []
    for each in locked:
        if isinstance(each, LockedWheel):
            digest, path = files[each.filename]
            filename, built = each.filename, False
        else:
            wheel = _build(world, each, target)
            digest, path, filename, built = wheel.digest, world.cache.path(wheel.digest), wheel.filename, True
        provenance = Provenance(requested=each.name in requested, direct_url=direct_url(each))
        acquired.append(
            Acquired(
                wheel=open_wheel(path, filename, digest), provenance=provenance, built=built, size=path.stat().st_size
            )
        )
    return tuple(acquired)


def _fetch_all(world: World, wheels: list[LockedWheel]) -> dict[str, tuple[Digest, Path]]:
    """Return digest and path by file name, after fetching what is not there, largest first."""
    found = {wheel.filename: (digest, world.cache.path(digest)) for wheel in wheels for digest in (digest_of(wheel),)}
    missing = [wheel for wheel in wheels if not is_there(found[wheel.filename][1], wheel.size)]
    if missing:
        with world.step("fetch wheels"), threads.pool(8) as pool:
            world.reporter.total(sum(wheel.size or 0 for wheel in missing))
            futures = [
                pool.submit(fetch, world, wheel, *found[wheel.filename])
                for wheel in sorted(missing, key=lambda wheel: -(wheel.size or 0))
            ]
            for future in futures:
                future.result()
    return found


def is_there(path: Path, size: int | None) -> bool:
    """Return whether a blob is there, as far as its size tells: a disk that was full once has files without their end."""
    try:
        found = path.stat().st_size
    except OSError:
        return False
    return found == size if size is not None else found > 0


def digest_of(locked: LockedWheel | LockedSdist | LockedArchive) -> Digest:
    """Return the digest that proves a locked file."""
    for algorithm in _STRONG:
        if algorithm in locked.hashes:
            return parse(f"{algorithm}:{locked.hashes[algorithm]}")
    stated = ", ".join(locked.hashes) or "none"
    raise IntegrityError(
        f"nothing proves that `{locked.filename}` is the file that was locked",
        causes=(f"the lockfile has these hashes of it: {stated}; expected SHA-256 or SHA-512",),
    )


def fetch(world: World, locked: LockedWheel | LockedSdist | LockedArchive, digest: Digest, path: Path) -> None:
    """Bring a file into the cache, from the network or from this machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    url = Path(locked.path).as_uri() if locked.path is not None else locked.url
    if url is None:
        raise IntegrityError(f"the lockfile does not say where `{locked.filename}` is")
    world.cache.partial.mkdir(parents=True, exist_ok=True)
    world.fetcher.download(
        url, path, digest=digest, size=locked.size, partial=world.cache.partial, progress=world.reporter.advance
    )


def built_before(world: World, identity: str, target: Target) -> BuiltWheel | None:
    """Return the wheel that a source became before, if it is still there."""
    known = world.cache.recall("builds", _build_key(world, identity, target), BuiltWheel)
    return known if known is not None and is_there(world.cache.path(known.digest), known.size) else None


def _build_key(world: World, identity: str, target: Target) -> Digest:
    return key_of(
        _BuildKey(format=BUILD_FORMAT, source=identity, python="{}.{}".format(*target.series), epoch=world.epoch)
    )


def _build(
    world: World, locked: LockedSdist | LockedDirectory | LockedVcs | LockedArchive, target: Target
) -> BuiltWheel:
    """Return the wheel of a source, built once for the same source."""
    source = _source(world, locked)
    known = built_before(world, source.identity, target)
    if known is not None:
        return known
    key = _build_key(world, source.identity, target)
    with world.step("build from source"), source.open(world) as tree:
        try:
            wheel = build(world, tree)
        except TareError as error:
            if isinstance(locked, LockedSdist) and isinstance(error, ProjectError) and set(locked.offered) - {"any"}:
                raise _not_built(locked, target, error) from None
            error.hints = (*error.hints, f"`{locked.name}` has no wheel; a version that has one would not be built")
            raise
    refuse_other(wheel, locked)
    refuse_foreign(wheel, target, name=locked.name, offered=getattr(locked, "offered", ()))
    world.cache.remember("builds", key, msgspec.json.encode(wheel))
    return wheel


def _not_built(locked: LockedSdist, target: Target, error: ProjectError) -> TargetError:
    """Return the error for a source that was not built: with wheels for others beside it, it is one that compiles."""
    return TargetError(
        f"`{locked.name}` has no wheel for the target, and its source cannot be built here",
        causes=(
            f"the target is {target}; the lockfile offers wheels for {', '.join(locked.offered)}",
            *error.causes[-_TOLD:],
        ),
        hints=(_HAVE_WHEEL,),
    )


_TOLD = 3
"""Lines of a compiler's log that are told."""

_HAVE_WHEEL = (
    "Choose a base that it has a wheel for, or publish a wheel of it and name its directory with `--find-links`"
)


def build(world: World, tree: Path) -> BuiltWheel:
    """Return the wheel of a source tree or a source distribution, built by uv in isolation."""
    with world.cache.scratch() as directory:
        path = Path(world.uv.build_wheel(str(tree), str(directory / "out"), epoch=world.epoch))
        return keep_wheel(world, path.name, path)


def keep_wheel(world: World, filename: str, path: Path) -> BuiltWheel:
    """Return a wheel after it was copied into the cache."""
    digest = hash_file(path)
    with world.cache.writing() as pending, path.open("rb") as file:
        shutil.copyfileobj(file, pending.file)
        world.cache.keep(pending, digest)
    return BuiltWheel(filename=filename, digest=digest, size=path.stat().st_size)


def _source(world: World, locked: LockedSdist | LockedDirectory | LockedVcs | LockedArchive) -> SourceTree:
    match locked:
        case LockedSdist() | LockedArchive():
            digest = digest_of(locked)
            path = world.cache.path(digest)
            if not is_there(path, locked.size):
                with world.step("fetch sources"):
                    fetch(world, locked, digest, path)
            subdirectory = locked.subdirectory if isinstance(locked, LockedArchive) else None
            return source_tree(
                world.environment, file=path, filename=locked.filename, identity=digest, subdirectory=subdirectory
            )
        case LockedDirectory():
            return source_tree(world.environment, directory=Path(locked.path), subdirectory=locked.subdirectory)
        case LockedVcs():
            return source_tree(world.environment, vcs=locked)
        case _:
            assert_never(locked)


def refuse_other(wheel: BuiltWheel, locked: LockedSdist | LockedDirectory | LockedVcs | LockedArchive) -> None:
    """Refuse a wheel of another distribution, or of another version, than the lock has.

    A directory's version is left out: it changes, and the lock is not written anew for that.
    """
    from packaging.utils import parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    name, version, _, _ = parse_wheel_filename(wheel.filename)
    stated = None if isinstance(locked, LockedDirectory) else locked.version
    try:
        same = stated is None or Version(stated).public == version.public
    except InvalidVersion:
        same = True  # Nothing can be held against it.
    if name == locked.name and same:
        return
    hint = "Lock the project again"
    if isinstance(locked, LockedVcs) and name == locked.name:
        hint += ", or see that the tags that its version follows from are in the repository"
    raise IntegrityError(
        f"`{locked.name}` is not what was locked",
        causes=(f"expected {locked.name} {stated or ''}".rstrip() + f", its source builds {name} {version}",),
        hints=(hint,),
    )


def refuse_foreign(wheel: BuiltWheel, target: Target, *, name: str, offered: tuple[str, ...] = ()) -> None:
    """Refuse a wheel that was compiled for the machine that built it: nothing says that the target is alike."""
    from packaging.utils import parse_wheel_filename

    tags = parse_wheel_filename(wheel.filename)[3]
    if tags & set(target.tags) and all(tag.platform == "any" for tag in tags):
        return
    causes = [f"its source compiles to `{wheel.filename}` on this machine; the target is {target}"]
    if offered:
        causes.append(f"the lockfile offers wheels for {', '.join(offered)}")
    raise TargetError(
        f"`{name}` has no wheel for the target, and is not pure Python",
        causes=tuple(causes),
        hints=(_HAVE_WHEEL,),
    )
