"""`poetry.lock`, of every version since 1.0.

Since 2.1 (Poetry 2) each package says its groups and its marker. Before, a lock is a graph, and what is needed where
follows from `pyproject.toml`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from packaging.specifiers import SpecifierSet

from tare.errors import ProjectError
from tare.projects import files, markers
from tare.projects import poetry as settings_of
from tare.projects.discovery import Lock
from tare.projects.locks import closure, declared, direct, indexes, pinned
from tare.projects.locks.closure import Edge, Release
from tare.projects.locks.declared import Wish
from tare.projects.locks.hashes import check_version, hashes_of, sha256s
from tare.projects.locks.interface import Request, Resolution
from tare.projects.locks.pins import Pin, Source
from tare.projects.names import check_known, normalize
from tare.projects.poetry import MAIN
from tare.projects.project import Project
from tare.projects.uv import Uv


def resolve(lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution:
    """Turn the lock into one of PEP 751; uv only says where the files are."""
    document = files.toml(lock.path)
    manifest = files.toml(project.manifest) if project.manifest else {}
    metadata = document.get("metadata", {})
    check_version(metadata.get("lock-version"), ("1", "2"), lock=lock.name)
    extras = tuple(sorted(normalize(name) for name in (*project.extras, *document.get("extras", {}))))
    check_known("extra", request.extras, extras, project.name or lock.name)
    check_known("group", request.groups, project.groups, project.name or lock.name)
    packages = document.get("package", [])
    places = [index for index, package in enumerate(packages) if isinstance(package, dict) and "name" in package]
    if not isinstance(packages, list) or len(places) != len(packages):
        raise ProjectError(f"`{lock.name}` is not a valid lockfile", causes=("a package has no name",))
    found = _marked(document, manifest, packages)
    source = Source(
        origin=lock.name,
        directory=project.root,
        options=indexes.lines(indexes.of_poetry(manifest, uv.env)),
        requires_python=_requires_python(metadata),
        extras=tuple(dict.fromkeys(extras)),
        groups=project.groups,
    )
    return pinned.resolution(
        (_pin(package, marker, metadata) for package, marker in found),
        source,
        request,
        uv,
        inputs=(lock.path, *([project.manifest] if project.manifest else [])),
        warnings=_freshness(lock, project, manifest, metadata, packages),
    )


def _requires_python(metadata: Mapping[str, Any]) -> str | None:
    found = settings_of.alternatives(str(metadata.get("python-versions", "*")))
    return found[0] or None if len(found) == 1 else None


def _marked(
    document: Mapping[str, Any], manifest: Mapping[str, Any], packages: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Yield each package that is ever needed, with the marker of a lock that says when."""
    if all("groups" in package for package in packages):
        for package in packages:
            yield package, _marker(package)
    elif not manifest:
        raise ProjectError(
            "`poetry.lock` needs its `pyproject.toml`",
            causes=("it was written before Poetry 2, which notes the groups",),
        )
    else:
        found = closure.reached(_roots(document, manifest), [_release(package) for package in packages])
        for index, marker in found.items():
            yield packages[index], marker


def _marker(package: Mapping[str, Any]) -> str | None:
    """Return the marker of a package of lock version 2.1: for each of its groups, and the one of that group."""
    said = package.get("markers")
    found = []
    for group in package["groups"]:
        own = said.get(group) if isinstance(said, dict) else said
        condition = None if group == MAIN else markers.chosen(groups=(normalize(group),))
        found.append(markers.both(condition, markers.in_lock(own) if own else None))
    return markers.either(found)


def _roots(document: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[Edge]:
    """Yield what `pyproject.toml` asks for, under the extra or group that asks."""
    brought: dict[str, list[str]] = {}
    for extra, names in document.get("extras", {}).items():
        for name in _names(names):
            brought.setdefault(name, []).append(normalize(extra))
    optional = {each.name for each in _dependencies(manifest) if each.optional}
    for wish in declared.wishes(manifest):
        condition = markers.chosen(groups=(wish.group,)) if wish.group else None
        if wish.name in optional and wish.group is None:
            condition = markers.chosen(extras=brought.get(wish.name, ["-"]))
        own = markers.in_lock(str(wish.marker)) if wish.marker else None
        yield Edge(name=wish.name, accepts=wish.accepts, extras=wish.extras, marker=markers.both(condition, own))


def _dependencies(manifest: Mapping[str, Any]) -> Iterator[settings_of.Dependency]:
    values = settings_of.table(manifest).get("dependencies", {})
    return settings_of.dependencies(values, "tool.poetry.dependencies")


def _release(package: Mapping[str, Any]) -> Release:
    needs, brought = list[Edge](), dict[str, list[Edge]]()
    named = {normalize(extra): _names(texts) for extra, texts in package.get("extras", {}).items()}
    for dependency in settings_of.dependencies(package.get("dependencies", {}), f"{package['name']}.dependencies"):
        if not dependency.optional:
            needs.append(_edge(dependency, None))
            continue
        for extra, names in named.items():
            if dependency.name in names:
                brought.setdefault(extra, []).append(_edge(dependency, extra))
    return Release(
        name=normalize(package["name"]),
        version=package.get("version"),
        needs=tuple(needs),
        extras={extra: tuple(edges) for extra, edges in brought.items()},
    )


def _names(texts: Iterable[Any]) -> set[str]:
    """Return the names in what Poetry writes for an extra: `psycopg-binary (==3.3.9) ; python_version < "4"`."""
    return {normalize(re.split(r"[\s\[;(]", str(text).strip(), maxsplit=1)[0]) for text in texts}


def _edge(dependency: settings_of.Dependency, extra: str | None) -> Edge:
    wish = Wish(
        name=dependency.name,
        alternatives=tuple(SpecifierSet(each) for each in dependency.alternatives),
        is_direct=dependency.source is not None,
    )
    marker = markers.with_extra(dependency.marker, extra) if dependency.marker else None
    return Edge(name=wish.name, accepts=wish.accepts, extras=frozenset(dependency.extras), marker=marker)


def _pin(package: Mapping[str, Any], marker: str | None, metadata: Mapping[str, Any]) -> Pin:
    listed = package.get("files") or metadata.get("files", {}).get(package["name"], ())
    hashes = sha256s(hashes_of(listed), lock="poetry.lock", name=str(package["name"]))
    name = normalize(package["name"])
    entry = _direct(package, hashes)
    if entry is None:
        return Pin(name=name, version=package.get("version"), marker=marker, hashes=hashes)
    return Pin(name=name, marker=marker, hashes=hashes, package=entry)


def _direct(package: Mapping[str, Any], hashes: frozenset[str]) -> dict[str, Any] | None:
    source = package.get("source", {})
    url, below = str(source.get("url", "")), source.get("subdirectory")
    match source.get("type"):
        case "git":
            commit = str(source.get("resolved_reference", ""))
            return direct.vcs(url, commit, requested=source.get("reference"), subdirectory=below)
        case "directory":
            return direct.directory(url, editable=package.get("develop") is True, subdirectory=below)
        case "url" | "file":
            entry = direct.archive(url, hashes, subdirectory=below)
            if entry is None:
                cause = (
                    f"`{package['name']}` is from `{os.path.basename(url)}`, with {len(hashes)} hashes instead of one"
                )
                raise ProjectError("`poetry.lock` is not a valid lockfile", causes=(cause,))
            return entry
    return None


def _freshness(
    lock: Lock,
    project: Project,
    manifest: Mapping[str, Any],
    metadata: Mapping[str, Any],
    packages: Sequence[Mapping[str, Any]],
) -> tuple[str, ...]:
    if not manifest:
        return ()
    noted, known = metadata.get("content-hash"), _content_hashes(manifest)
    if noted in known:
        return ()
    versions: dict[str, list[str | None]] = {}
    for package in packages:
        versions.setdefault(normalize(package["name"]), []).append(package.get("version"))
    causes = declared.unmet(declared.wishes(manifest), versions, lock.name, own=normalize(project.name or ""))
    if causes:
        raise declared.stale(lock.name, causes, "poetry lock")
    if declared.is_content_hash(noted) and str(metadata.get("lock-version")) in _KNOWN:
        raise declared.for_another(lock.name, "pyproject.toml", noted=str(noted), found=known[0], command="poetry lock")
    return (f"`{lock.name}` was made for another `pyproject.toml`, though it has what this one asks for",)


_KNOWN = frozenset({"1.0", "1.1", "2.0", "2.1"})
"""Versions of locks whose content hash is known; what a later Poetry counts may be something else."""


def _content_hashes(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return what Poetry would note of *manifest*, with and without the groups of PEP 735, which it knows since 2.2."""
    project = {
        key: manifest["project"][key]
        for key in ("requires-python", "dependencies", "optional-dependencies")
        if manifest.get("project", {}).get(key) is not None
    }
    groups: Mapping[str, Any] = manifest.get("dependency-groups", {})
    return _digest(manifest, project, groups), _digest(manifest, project, {})


def _digest(manifest: Mapping[str, Any], project: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    settings = settings_of.table(manifest)
    # A key that is absent counts as null, but only where nothing newer than [tool.poetry] says anything.
    always = () if project or groups else ("dependencies", "source", "extras", "dev-dependencies")
    old = {
        key: settings.get(key)
        for key in ("dependencies", "source", "extras", "dev-dependencies", "group")
        if settings.get(key) is not None or key in always
    }
    content: Mapping[str, Any] = old
    if project or groups:
        content = {
            **({"project": project} if project else {}),
            **({"dependency-groups": groups} if groups else {}),
            "tool": {"poetry": old},
        }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
