"""From a lock to what a target takes: markers and tags are asked for the target, never for this machine."""

from __future__ import annotations

import os
import re
from typing import Any

import msgspec
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    PylockSelectError,
)
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from tare.errors import HostileInputError, ProjectError, TargetError
from tare.projects import refusals
from tare.projects.locked import Impossible, Locked, LockedArchive, LockedDirectory, LockedSdist, LockedVcs, LockedWheel
from tare.projects.locks.interface import Resolution
from tare.projects.project import Project
from tare.projects.redaction import split
from tare.wheels.target import Target

_File = PackageWheel | PackageSdist | PackageArchive

_STRONG = {"sha256": 64, "sha384": 96, "sha512": 128}
"""What a lock's hash is to be, with its digits. PEP 751 allows every algorithm of `hashlib`, and some are broken."""

_hexadecimal = re.compile(r"[0-9a-f]+")


def select(resolution: Resolution, target: Target, project: Project | None = None) -> tuple[Locked, ...]:
    """Return what *target* takes of *resolution*, sorted by name.

    *project* itself is left out, when its lock has it: it is built and placed apart.
    """
    if project is not None:
        check_project(project, target)
    _check_python(f"`{resolution.origin}`", resolution.pylock.requires_python, target)
    lock = resolution.pylock
    try:
        found = list(refusals.selected(lock, resolution, target))
    except PylockSelectError as error:
        raise refusals.explained(resolution, target, error) from error
    locked = (_locked(package, entry, resolution, target) for package, entry in found)
    own = os.path.realpath(project.root) if project is not None else None
    kept = [each for each in locked if not (isinstance(each, LockedDirectory) and os.path.realpath(each.path) == own)]
    return tuple(sorted(kept, key=lambda each: each.name))


def cover(
    resolution: Resolution, target: Target, project: Project
) -> tuple[tuple[Locked, ...], tuple[Impossible, ...]]:
    """Return what *target* takes of *resolution*, and what it needs and cannot have: nothing is refused but Python."""
    check_project(project, target)
    _check_python(f"`{resolution.origin}`", resolution.pylock.requires_python, target)
    try:
        return select(resolution, target, project), ()
    except TargetError:
        pass
    found: list[Locked] = []
    impossible = []
    for package in resolution.pylock.packages:
        part = msgspec.structs.replace(resolution, pylock=refusals.alone(resolution.pylock, package))
        try:
            found += select(part, target, project)
        except TargetError as error:
            offered = tuple(sorted({tag.platform for tag in refusals.tags_of(package)}))
            tags = tuple(sorted(str(tag) for tag in refusals.tags_of(package)))
            reason = "; ".join(error.causes) or error.message
            version = str(package.version or "")
            impossible.append(
                Impossible(
                    name=str(package.name),
                    version=version,
                    offered=offered,
                    tags=tags,
                    index=_index(package),
                    reason=reason,
                )
            )
    return tuple(sorted(found, key=lambda each: each.name)), tuple(sorted(impossible, key=lambda each: each.name))


def check_project(project: Project, target: Target) -> None:
    """Raise `TargetError` when the project is not for the target's interpreter: before anything is resolved for it."""
    if project.requires_python:
        _check_python(f"`{project.name or 'the project'}`", specifier(project.requires_python), target)


def _check_python(name: str, wanted: SpecifierSet | None, target: Target) -> None:
    if wanted is not None and not wanted.contains(target.version, prereleases=True):
        raise TargetError(
            f"{name} is not for CPython {target.version}",
            causes=(f"it needs Python `{wanted}`; the target is {target}",),
            hints=("Choose another base, or another interpreter with `--python`",),
        )


def specifier(text: str) -> SpecifierSet:
    """Return *text*, a `requires-python`, as specifiers; or raise `ProjectError`."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise ProjectError("`requires-python` is not a version specifier", causes=(f"got `{text}`",)) from error


def _locked(package: Package, entry: refusals.Entry, resolution: Resolution, target: Target) -> Locked:
    name, version = str(package.name), str(package.version or "")
    match entry:
        case PackageWheel():
            return LockedWheel(
                name=name,
                version=version or _version(entry.filename),
                index=_index(package),
                **_file(entry, resolution),
            )
        case PackageSdist():
            offered = tuple(sorted({tag.platform for tag in refusals.tags_of(package)}))
            return LockedSdist(
                name=name, version=version, index=_index(package), offered=offered, **_file(entry, resolution)
            )
        case PackageArchive():
            return _archive(name, version, entry, resolution, target)
        case PackageDirectory():
            path = _absolute(entry.path, resolution)
            return LockedDirectory(name=name, path=path, editable=bool(entry.editable), subdirectory=_below(entry))
        case PackageVcs():
            return LockedVcs(
                name=name,
                kind=entry.type,
                commit=entry.commit_id,
                url=entry.url,
                path=_absolute(entry.path, resolution) if entry.path else None,
                requested=entry.requested_revision,
                subdirectory=_below(entry),
                version=version or None,
            )


def _archive(
    name: str, version: str, entry: PackageArchive, resolution: Resolution, target: Target
) -> LockedWheel | LockedArchive:
    values = _file(entry, resolution)
    if not values["filename"].endswith(".whl"):
        return LockedArchive(name=name, version=version or None, subdirectory=_below(entry), **values)
    try:
        _, own, _, tags = parse_wheel_filename(values["filename"])
    except InvalidWheelFilename as error:
        raise ProjectError(f"`{resolution.origin}` is not a valid lockfile", causes=(str(error),)) from error
    if not tags & set(target.tags):
        raise refusals.no_wheel(resolution, target, [(f"{name}=={own}", sorted(tags, key=str))])
    return LockedWheel(name=name, version=str(own), direct=True, **values)


def _file(entry: _File, resolution: Resolution) -> dict[str, Any]:
    filename = entry.filename if not isinstance(entry, PackageArchive) else _last(entry.url or entry.path or "")
    if not filename or "/" in filename or "\\" in filename or not filename.isprintable():
        raise HostileInputError(
            f"`{resolution.origin}` names a file that is none", causes=(f"`{ascii(filename)[:100]}` is not a filename",)
        )
    hashes = {name: value.lower() for name, value in sorted(entry.hashes.items())}
    wrong = [name for name, size in _STRONG.items() if name in hashes and not _is_digest(hashes[name], size)]
    if wrong:
        cause = f"`{filename}`: expected {_STRONG[wrong[0]]} hexadecimal digits as {wrong[0]}, got `{hashes[wrong[0]][:80]}`"
        raise ProjectError(f"`{resolution.origin}` is not a valid lockfile", causes=(cause,))
    if hashes.keys().isdisjoint(_STRONG):
        cause = f"`{filename}` has {', '.join(hashes)}; expected sha256"
        raise ProjectError(f"`{resolution.origin}` has hashes that prove nothing", causes=(cause,))
    url, path = split(entry.url)[0] if entry.url else None, entry.path
    if url is not None and url.startswith("file://"):
        path = _from_file_url(url)
    return {
        "filename": filename,
        "hashes": hashes,
        "url": url if path is None else None,
        "path": _absolute(path, resolution) if path is not None else None,
        "size": entry.size,
    }


def _is_digest(text: str, size: int) -> bool:
    return len(text) == size and _hexadecimal.fullmatch(text) is not None


def _last(place: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(place).path if "://" in place else place).replace("\\", "/").rpartition("/")[2]


def _from_file_url(url: str) -> str:
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    return url2pathname(urlsplit(url).path)


def _absolute(path: str, resolution: Resolution) -> str:
    return os.path.normpath(os.path.join(resolution.directory, path))


def _below(entry: PackageDirectory | PackageVcs | PackageArchive) -> str | None:
    """Return the subdirectory of a source tree, which may not lead out of it."""
    path = entry.subdirectory
    if path is None:
        return None
    if os.path.isabs(path) or ".." in path.replace("\\", "/").split("/"):
        raise HostileInputError(
            "a lockfile leads out of a source tree", causes=(f"its subdirectory is `{path[:100]}`",)
        )
    return os.path.normpath(path) if os.path.normpath(path) != "." else None


def _index(package: Package) -> str | None:
    return split(package.index)[0] if package.index else None


def _version(filename: str) -> str:
    return str(parse_wheel_filename(filename)[1])
