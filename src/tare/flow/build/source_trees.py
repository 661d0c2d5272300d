"""Sources that have to be built: a file, a directory of this machine, or a commit of a repository."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tare.errors import NetworkError, ProjectError
from tare.flow.build.trees import copied
from tare.flow.build.trees import identity as identity_of
from tare.flow.world import World
from tare.projects.locked import Locked, LockedDirectory, LockedVcs


class SourceTree(msgspec.Struct, frozen=True, kw_only=True):
    """What a wheel is built from."""

    identity: str
    """What decides the wheel: a digest, or a commit."""

    file: Path | None = None
    filename: str = ""
    directory: Path | None = None
    vcs: LockedVcs | None = None
    subdirectory: str | None = None

    @contextlib.contextmanager
    def open(self, world: World) -> Iterator[Path]:
        """Give the directory, or the archive, that a build backend is to be run on."""
        with world.cache.scratch() as scratch:
            if self.directory is not None:
                yield copied(str(self.directory), scratch)
            elif self.vcs is not None:
                yield _checked_out(world, self.vcs, scratch)
            elif self.file is not None and self.subdirectory:
                from tare.flow.build.archives import unpacked

                yield unpacked(self.file, self.filename, scratch / "tree", self.subdirectory)
            elif self.file is not None:
                import shutil

                # A build front-end tells the kind of an archive by its name, and a blob of the cache has none.
                named = scratch / self.filename
                shutil.copyfile(self.file, named)
                yield named


def source_tree(
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    filename: str = "",
    identity: str = "",
    directory: Path | None = None,
    vcs: LockedVcs | None = None,
    subdirectory: str | None = None,
) -> SourceTree:
    """Return the source that is named by one of the arguments."""
    if directory is not None:
        place = _place(str(directory), subdirectory)
        return SourceTree(identity=identity_of(place, environment), directory=Path(place))
    if vcs is not None:
        from tare.projects.redaction import redacted

        identity = f"{vcs.kind} {redacted(vcs.url or vcs.path or '')} {vcs.commit} {vcs.subdirectory or ''}"
        return SourceTree(identity=identity, vcs=vcs, subdirectory=vcs.subdirectory)
    return SourceTree(
        identity=f"{identity} {subdirectory or ''}", file=file, filename=filename, subdirectory=subdirectory
    )


def directories(locked: Iterable[Locked], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what lies in the directories of this machine that are among *locked*."""
    return tuple(
        identity_of(_place(each.path, each.subdirectory), environment)
        for each in locked
        if isinstance(each, LockedDirectory)
    )


def _place(directory: str, subdirectory: str | None) -> str:
    place = os.path.join(directory, subdirectory) if subdirectory else directory
    if not os.path.isdir(place):
        raise ProjectError(f"the lockfile names `{place}`, which is not a directory")
    return place


def _checked_out(world: World, vcs: LockedVcs, scratch: Path) -> Path:
    if world.offline and vcs.path is None:
        raise NetworkError(f"`{vcs.name}` has to be cloned", causes=("`--offline` was given",))
    from tare.projects.git import check_out

    return Path(check_out(vcs, str(scratch / "tree"), env=world.environment))
