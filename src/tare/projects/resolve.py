"""From a project and a target to what is installed: resolved, selected, and remembered.

The warm path loads neither `packaging` nor a TOML reader, and starts no process: an answer that is remembered is
taken when every file that it came from is unchanged.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import msgspec

from tare.errors import ProjectError, TargetError
from tare.projects import memo
from tare.projects.locked import Impossible, Locked
from tare.projects.names import normalize
from tare.projects.project import Project, digest
from tare.projects.uv import Uv
from tare.wheels.target import Target

if TYPE_CHECKING:
    from tare.projects.discovery import Kind
    from tare.projects.locks.interface import LockFormat, Request, Resolution

_MODULES: dict[Kind, str] = {
    "pylock": "pylock",
    "uv": "uv",
    "poetry": "poetry",
    "pdm": "pdm",
    "pipfile": "pipfile",
    "requirements": "requirements",
    "pyproject": "unlocked",
    "script": "unlocked",
}
"""The module of `tare.projects.locks` that reads each kind."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What a target takes of a project's lock, and how far that is fixed."""

    locked: tuple[Locked, ...]
    """Sorted by name; without the project itself."""

    origin: str
    """The name of the file it comes from; empty when the project needs nothing."""

    pinned: bool
    """Whether the input named every version."""

    hashed: bool
    """Whether the input named every hash."""

    warnings: tuple[str, ...] = ()


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What a target can take of a lock, and what it cannot."""

    selection: Selection
    impossible: tuple[Impossible, ...] = ()


class _KeptCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """A coverage as it is remembered."""

    inputs: dict[str, str | None]
    coverage: Coverage


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A selection as it is remembered."""

    inputs: dict[str, str | None]
    """The digest of every file that it came from, by path."""

    selection: Selection


def locked(
    project: Project, target: Target, uv: Uv, *, extras: Iterable[str] = (), groups: Iterable[str] = ()
) -> Selection:
    """Return what *target* takes of *project*, with the *extras* and dependency *groups* that are asked for."""
    (found,) = locked_each(project, (target,), uv, extras=extras, groups=groups)
    return found


def locked_each(
    project: Project, targets: Iterable[Target], uv: Uv, *, extras: Iterable[str] = (), groups: Iterable[str] = ()
) -> tuple[Selection, ...]:
    """Return what each of *targets* takes; those with one series of CPython share a resolution."""
    wanted = (_names(extras), _names(groups))
    settings = uv.settings(project.root)
    resolutions: dict[str, Resolution] = {}
    found = []
    for target in targets:
        key = memo.key("selection", (msgspec.json.encode((project, target, wanted)), *settings))
        selection = None if uv.refresh else _recall(uv.memo, key)
        if selection is None:
            inputs, selection = _selected(project, target, uv, wanted, resolutions)
            value = _Kept(inputs={path: digest(path) for path in inputs}, selection=selection)
            memo.keep(uv.memo, key, msgspec.json.encode(value))
        found.append(selection)
    return tuple(found)


def covered_each(
    project: Project, targets: Iterable[Target], uv: Uv, *, extras: Iterable[str] = (), groups: Iterable[str] = ()
) -> Iterator[Coverage | TargetError]:
    """Yield, for each of *targets*, what it can take, or why the project is not for it at all."""
    wanted = (_names(extras), _names(groups))
    settings = uv.settings(project.root)
    resolutions: dict[str, Resolution] = {}
    for target in targets:
        key = memo.key("coverage", (msgspec.json.encode((project, target, wanted)), *settings))
        known = None if uv.refresh else memo.decoded(memo.recall(uv.memo, key), _KeptCoverage)
        if known is not None and all(digest(path) == value for path, value in known.inputs.items()):
            yield known.coverage
            continue
        try:
            inputs, coverage = _covered(project, target, uv, wanted, resolutions)
        except TargetError as error:
            yield error
            continue
        value = _KeptCoverage(inputs={path: digest(path) for path in inputs}, coverage=coverage)
        memo.keep(uv.memo, key, msgspec.json.encode(value))
        yield coverage


def _covered(
    project: Project,
    target: Target,
    uv: Uv,
    wanted: tuple[tuple[str, ...], tuple[str, ...]],
    resolutions: dict[str, Resolution],
) -> tuple[tuple[str, ...], Coverage]:
    from tare.projects.selection import check_project, cover

    check_project(project, target)
    resolution = _resolution(project, target, uv, wanted, resolutions)
    locked, impossible = cover(resolution, target, project)
    _held_against(project, resolution, target, wanted[0], (*locked, *impossible))
    return resolution.inputs, Coverage(selection=_selection(project, resolution, locked), impossible=impossible)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({normalize(name) for name in names}))


def _recall(directory: str | None, key: str) -> Selection | None:
    """Return the selection that is remembered, when every file that it came from is unchanged."""
    known = memo.decoded(memo.recall(directory, key), _Kept)
    if known is None:
        return None
    return known.selection if all(digest(path) == value for path, value in known.inputs.items()) else None


def resolve(project: Project, request: Request, uv: Uv) -> Resolution:
    """Return the resolution of *project*, whatever its lock is."""
    if project.is_unlocked_pipfile:
        raise ProjectError(
            "`Pipfile` has no lock",
            causes=("it asks for packages, and nothing says which versions of them",),
            hints=("Run `pipenv lock`",),
        )
    if project.lock is None:
        from tare.projects.locks.interface import Resolution
        from tare.projects.locks.unlocked import nothing
        from tare.projects.names import check_known

        check_known("extra", request.extras, (), project.name or "the project")
        check_known("group", request.groups, (), project.name or "the project")
        return Resolution(pylock=nothing(project), origin="", directory=project.root, pinned=True, hashed=True)
    module = importlib.import_module(f"tare.projects.locks.{_MODULES[project.lock.kind]}")
    with _told(project.lock.name):
        resolution = cast("LockFormat", module).resolve(project.lock, project, request, uv)
    return msgspec.structs.replace(
        resolution,
        inputs=(*resolution.inputs, *_unnamed(project, resolution, uv), *_asking(project)),
    )


def _asking(project: Project) -> tuple[str, ...]:
    """Return the path of the manifest that a lock which does not know it is held against."""
    return (project.manifest,) if project.manifest and _is_apart(project) else ()


def _is_apart(project: Project) -> bool:
    """Return whether the lock was made without its manifest, or may have been."""
    return project.lock is not None and project.lock.kind in {"pylock", "requirements"} and bool(project.dependencies)


def _held_against(
    project: Project,
    resolution: Resolution,
    target: Target,
    extras: tuple[str, ...],
    taken: Iterable[Locked | Impossible],
) -> None:
    """Raise when what the target has *taken* of the lock is not what the manifest asks for."""
    if not _is_apart(project):
        return
    from tare.projects.locks.declared import refuse_contradiction

    versions: dict[str, list[str | None]] = {}
    for each in taken:
        versions.setdefault(normalize(each.name), []).append(getattr(each, "version", None) or None)
    refuse_contradiction(project, resolution.origin, target, extras, versions)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what a value of an unexpected shape makes of the reading into an error that names the file.

    Lockfiles are written by tools; a shape that none of them writes is not worth a check of its own at every place.
    """
    try:
        yield
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        cause = f"a value in it has another form than its format says: {str(error)[:200] or type(error).__name__}"
        raise ProjectError(f"`{name}` is not a valid lockfile", causes=(cause,)) from error


def _unnamed(project: Project, resolution: Resolution, uv: Uv) -> Iterator[str]:
    """Yield the paths of what else *resolution* follows from."""
    from tare.projects import watched

    trees = [package.directory.path for package in resolution.pylock.packages if package.directory]
    yield from watched.of_trees(trees, resolution.directory)
    if not resolution.hashed:
        yield from watched.pages(project, uv.env)


def _selected(
    project: Project,
    target: Target,
    uv: Uv,
    wanted: tuple[tuple[str, ...], tuple[str, ...]],
    resolutions: dict[str, Resolution],
) -> tuple[tuple[str, ...], Selection]:
    from tare.projects.selection import check_project, select

    check_project(project, target)
    resolution = _resolution(project, target, uv, wanted, resolutions)
    locked = select(resolution, target, project)
    _held_against(project, resolution, target, wanted[0], locked)
    return resolution.inputs, _selection(project, resolution, locked)


def _resolution(
    project: Project,
    target: Target,
    uv: Uv,
    wanted: tuple[tuple[str, ...], tuple[str, ...]],
    resolutions: dict[str, Resolution],
) -> Resolution:
    """Return the resolution for the target's series, which is one of *resolutions* when it was asked for before."""
    from tare.projects.locks.interface import Request

    series = "{}.{}".format(*target.series)
    if series not in resolutions:
        extras, groups = wanted
        resolutions[series] = resolve(project, Request(python=series, extras=extras, groups=groups), uv)
    return resolutions[series]


def _selection(project: Project, resolution: Resolution, locked: tuple[Locked, ...]) -> Selection:
    return Selection(
        locked=locked,
        origin=resolution.origin,
        pinned=resolution.pinned,
        hashed=resolution.hashed,
        warnings=(*project.warnings, *resolution.warnings),
    )
