"""`pdm.lock`, of every version since 4.0.

With the strategy `inherit_metadata`, the default since 4.4, each package says its groups and its marker. Without it, a
lock is a graph, and what is needed where follows from `pyproject.toml`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tare.errors import ProjectError
from tare.projects import files, markers
from tare.projects.discovery import Lock
from tare.projects.locks import closure, declared, direct, indexes, pinned
from tare.projects.locks.closure import Edge, Release
from tare.projects.locks.declared import Wish
from tare.projects.locks.hashes import check_version, hashes_of, sha256s
from tare.projects.locks.interface import Request, Resolution
from tare.projects.locks.pins import Pin, Source
from tare.projects.names import check_known, normalize
from tare.projects.project import Project
from tare.projects.uv import Uv

_MAIN = "default"
"""PDM's name for the dependencies that are in no group."""


def resolve(lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution:
    """Turn the lock into one of PEP 751; uv only says where the files are."""
    check_known("extra", request.extras, project.extras, project.name or lock.name)
    check_known("group", request.groups, project.groups, project.name or lock.name)
    document = files.toml(lock.path)
    manifest = files.toml(project.manifest) if project.manifest else {}
    metadata, packages = document.get("metadata", {}), document.get("package", [])
    check_version(metadata.get("lock_version"), ("2", "3", "4"), lock=lock.name)
    if not isinstance(packages, list) or not all(isinstance(each, dict) and "name" in each for each in packages):
        raise ProjectError(f"`{lock.name}` is not a valid lockfile", causes=("a package has no name",))
    _check_groups(lock, request, metadata)
    source = Source(
        origin=lock.name,
        directory=project.root,
        options=indexes.lines(indexes.of_pdm(manifest, uv.env)),
        requires_python=_requires_python(metadata),
        extras=project.extras,
        groups=project.groups,
    )
    found = _marked(manifest, project.extras, packages)
    return pinned.resolution(
        (_pin(package, marker, metadata) for package, marker in found),
        source,
        request,
        uv,
        inputs=(lock.path, *([project.manifest] if project.manifest else [])),
        warnings=_freshness(lock, project, manifest, metadata, packages),
    )


def _check_groups(lock: Lock, request: Request, metadata: Mapping[str, Any]) -> None:
    """Raise when what is asked for was left out as the lock was made: PDM locks the groups that it is told."""
    locked = metadata.get("groups")
    if isinstance(locked, list):
        names = {normalize(str(name)) for name in locked}
        missing = [name for name in (*request.extras, *request.groups) if name not in names]
        if missing:
            raise declared.stale(lock.name, [f"it was made without `{name}`" for name in missing], "pdm lock -G :all")


def _requires_python(metadata: Mapping[str, Any]) -> str | None:
    targets = metadata.get("targets")
    found = {str(target["requires_python"]) for target in targets or () if "requires_python" in target}
    return found.pop() if len(found) == 1 else None


def _marked(
    manifest: Mapping[str, Any], extras: Iterable[str], packages: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Yield each package that is ever needed, with the marker of a lock that says when."""
    if all("groups" in package for package in packages):
        for package in packages:
            yield package, _marker(package, frozenset(extras))
    elif not manifest:
        raise ProjectError(
            "`pdm.lock` needs its `pyproject.toml`",
            causes=("it was written without `inherit_metadata`, so it does not note what is needed where",),
        )
    else:
        found = closure.reached(_roots(manifest), [_release(package) for package in packages])
        for index, marker in found.items():
            yield packages[index], marker


def _marker(package: Mapping[str, Any], extras: frozenset[str]) -> str | None:
    names = [normalize(str(name)) for name in package["groups"]]
    condition = None
    if _MAIN not in names:
        condition = markers.chosen(
            extras=[name for name in names if name in extras], groups=[name for name in names if name not in extras]
        )
    return markers.both(condition, package.get("marker"))


def _roots(manifest: Mapping[str, Any]) -> Iterator[Edge]:
    for wish in declared.wishes({key: value for key, value in manifest.items() if key != "poetry"}):
        condition = markers.chosen(groups=(wish.group,)) if wish.group else None
        own = markers.in_lock(str(wish.marker)) if wish.marker else None
        yield Edge(name=wish.name, accepts=wish.accepts, extras=wish.extras, marker=markers.both(condition, own))


def _release(package: Mapping[str, Any]) -> Release:
    extras = package.get("extras") or [None]
    edges = tuple(_edge(declared.from_requirement(text)) for text in package.get("dependencies", ()))
    name, version, extra = normalize(package["name"]), package.get("version"), extras[0]
    if extra is None:
        return Release(name=name, version=version, needs=edges)
    return Release(name=name, version=version, extra=normalize(extra), extras={normalize(extra): edges})


def _edge(wish: Wish) -> Edge:
    marker = str(wish.marker) if wish.marker else None
    return Edge(name=wish.name, accepts=wish.accepts, extras=wish.extras, marker=marker)


def _pin(package: Mapping[str, Any], marker: str | None, metadata: Mapping[str, Any]) -> Pin:
    name, version = normalize(package["name"]), package.get("version")
    listed = package.get("files") or metadata.get("files", {}).get(f"{package['name']} {version}", ())
    hashes = sha256s(hashes_of(listed), lock="pdm.lock", name=name)
    entry = _direct(package, hashes)
    if entry is None:
        return Pin(name=name, version=version, marker=marker, hashes=hashes)
    return Pin(name=name, marker=marker, hashes=hashes, package=entry)


def _direct(package: Mapping[str, Any], hashes: frozenset[str]) -> dict[str, Any] | None:
    below = package.get("subdirectory")
    for kind in ("git", "hg", "svn", "bzr"):
        if kind in package:
            commit = str(package.get("revision", ""))
            return direct.vcs(str(package[kind]), commit, kind=kind, requested=package.get("ref"), subdirectory=below)
    place = package.get("path") or package.get("url")
    if not isinstance(place, str):
        return None
    if "path" in package and not place.endswith((".whl", ".zip", ".gz", ".bz2", ".xz", ".tar")):
        return direct.directory(place, editable=package.get("editable") is True, subdirectory=below)
    entry = direct.archive(place, hashes, subdirectory=below)
    if entry is None:
        cause = f"`{package['name']}` is one file, with {len(hashes)} hashes instead of one"
        raise ProjectError("`pdm.lock` is not a valid lockfile", causes=(cause,))
    return entry


def _freshness(
    lock: Lock,
    project: Project,
    manifest: Mapping[str, Any],
    metadata: Mapping[str, Any],
    packages: Sequence[Mapping[str, Any]],
) -> tuple[str, ...]:
    if not manifest:
        return ()
    noted, found = str(metadata.get("content_hash")).removeprefix("sha256:"), _content_hash(manifest)
    if noted == found:
        return ()
    versions: dict[str, list[str | None]] = {}
    for package in packages:
        versions.setdefault(normalize(package["name"]), []).append(package.get("version"))
    locked = metadata.get("groups")
    asked = [wish for wish in declared.wishes(manifest) if locked is None or wish.group is None or wish.group in locked]
    causes = declared.unmet(asked, versions, lock.name, own=normalize(project.name or ""))
    if causes:
        raise declared.stale(lock.name, causes, "pdm lock")
    if declared.is_content_hash(noted) and str(metadata.get("lock_version")).startswith(_KNOWN):
        raise declared.for_another(
            lock.name,
            "pyproject.toml",
            noted=noted,
            found=found,
            command="pdm lock",
        )
    return (f"`{lock.name}` was made for another `pyproject.toml`, though it has what this one asks for",)


_KNOWN = "4.5."
"""The version of locks whose content hash is known: PDM counted other things before."""


def _content_hash(manifest: Mapping[str, Any]) -> str:
    """Return what PDM (2.17 and later) would note of *manifest*."""
    project, settings = manifest.get("project", {}), manifest.get("tool", {}).get("pdm", {})
    groups = {normalize(name): list(values) for name, values in manifest.get("dependency-groups", {}).items()}
    for name, values in settings.get("dev-dependencies", {}).items():
        groups.setdefault(normalize(name), []).extend(values)
    content = {
        "sources": settings.get("source", []),
        "dependencies": project.get("dependencies", []),
        "dev-dependencies": groups,
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
        "resolution": settings.get("resolution", {}),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
