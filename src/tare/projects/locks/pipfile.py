"""`Pipfile.lock`: categories of pins, each with its marker and hashes.

https://github.com/pypa/pipfile
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tare.errors import ProjectError
from tare.projects import files, markers
from tare.projects.discovery import Lock
from tare.projects.locks import declared, direct, indexes, pinned
from tare.projects.locks.hashes import sha256s
from tare.projects.locks.interface import Request, Resolution
from tare.projects.locks.pins import Pin, Source
from tare.projects.names import check_known, normalize
from tare.projects.project import Project
from tare.projects.uv import Uv

_MAIN, _DEVELOPMENT = "default", "develop"
_SECTIONS = frozenset(
    {"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop"}
)
"""Tables of a `Pipfile` that are not a category of one's own."""

_MARKERS = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
    "implementation_version",
)  # fmt: skip
"""Markers that may be keys of their own: `sys_platform = "== 'win32'"`."""


def resolve(lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution:
    """Turn the lock into one of PEP 751; uv only says where the files are."""
    document = files.json(lock.path)
    if "_meta" not in document:
        raise ProjectError(
            f"`{lock.name}` is not a valid lockfile", causes=("expected the table `_meta`, as pipenv writes it",)
        )
    categories = {_group(name): name for name in document if name not in {"_meta", _MAIN}}
    check_known("extra", request.extras, (), lock.name)
    check_known("group", request.groups, tuple(sorted(categories)), lock.name)
    meta = document.get("_meta", {})
    source = Source(
        origin=lock.name,
        directory=project.root,
        options=indexes.lines(indexes.of_pipfile(meta.get("sources", ()), uv.env)),
        requires_python=_requires_python(meta),
        groups=tuple(sorted(categories)),
    )
    _check_freshness(lock, meta)
    found = _pins(lock, document, request)
    inputs = (lock.path, *_pipfile(lock))
    return pinned.resolution(found, source, request, uv, inputs=inputs)


def _group(category: str) -> str:
    """Return the name under which a category is asked for: `develop` is what every tool calls `dev`."""
    return "dev" if category == _DEVELOPMENT else normalize(category)


def _pipfile(lock: Lock) -> tuple[str, ...]:
    path = os.path.join(os.path.dirname(lock.path), "Pipfile")
    return (path,) if os.path.isfile(path) else ()


def _requires_python(meta: Mapping[str, Any]) -> str | None:
    requires = meta.get("requires", {})
    full, series = requires.get("python_full_version"), requires.get("python_version")
    return f"=={full}" if full else f"=={series}.*" if series else None


def _pins(lock: Lock, document: Mapping[str, Any], request: Request) -> Iterator[Pin]:
    problems: list[str] = []
    for category, packages in document.items():
        group = _group(category)
        if category == "_meta" or (category != _MAIN and group not in request.groups):
            continue
        condition = None if category == _MAIN else markers.chosen(groups=(group,))
        for name, entry in packages.items():
            marker = markers.both(condition, _marker(entry))
            pin = _pin(name, entry, marker)
            if pin is not None:
                yield pin
            elif _may_hold(marker, request):
                problems.append(f"{category}.{name}: `{entry.get('version', '')}` is not an exact version")
    if problems:
        raise ProjectError(f"`{lock.name}` is not a valid lockfile", causes=tuple(problems[:20]))


def _may_hold(marker: str | None, request: Request) -> bool:
    from packaging.markers import Marker

    return marker is None or markers.possible(Marker(marker), request.python, extras=(), groups=request.groups)


def _marker(entry: Mapping[str, Any]) -> str | None:
    own = [f"{name} {entry[name]}" for name in _MARKERS if isinstance(entry.get(name), str)]
    return markers.both(entry.get("markers"), *own)


def _pin(name: str, entry: Mapping[str, Any], marker: str | None) -> Pin | None:
    """Return the pin; `None` when it has no exact version, as pipenv writes for what it could not install itself."""
    hashes = sha256s(entry.get("hashes", ()), lock="Pipfile.lock", name=name)
    package = _direct(name, entry, hashes)
    if package is not None:
        return Pin(name=normalize(name), marker=marker, hashes=hashes, package=package)
    place = entry.get("file") or entry.get("path")
    if isinstance(place, str):
        return Pin(name=normalize(name), marker=marker, hashes=hashes, reference=f"{name} @ {place}")
    match = re.fullmatch(r"={2,3}\s*([^\s=<>!~*,;]+)", str(entry.get("version", "")))
    return Pin(name=normalize(name), version=match[1], marker=marker, hashes=hashes) if match else None


def _direct(name: str, entry: Mapping[str, Any], hashes: frozenset[str]) -> dict[str, Any] | None:
    below = entry.get("subdirectory")
    for kind in ("git", "hg", "svn", "bzr"):
        if isinstance(entry.get(kind), str):
            commit = str(entry.get("ref", ""))
            if not direct.is_commit(commit) and kind == "git":
                raise ProjectError(
                    "`Pipfile.lock` is not a valid lockfile", causes=(f"{name}: `{commit}` is no commit",)
                )
            return direct.vcs(entry[kind], commit, kind=kind, subdirectory=below)
    path, url = entry.get("path"), entry.get("file")
    if isinstance(path, str) and not path.endswith((".whl", ".zip", ".gz", ".bz2", ".xz", ".tar")):
        return direct.directory(path, editable=entry.get("editable") is True, subdirectory=below)
    place = path or url
    return direct.archive(place, hashes, subdirectory=below) if isinstance(place, str) else None


def _check_freshness(lock: Lock, meta: Mapping[str, Any]) -> None:
    """Compare the hash that the lock notes with that of the `Pipfile` beside it."""
    noted = meta.get("hash", {}).get("sha256")
    for path in _pipfile(lock):
        if noted and noted != (found := _content_hash(files.toml(path), meta)):
            raise declared.for_another(lock.name, "Pipfile", noted=noted, found=found, command="pipenv lock")


def _content_hash(pipfile: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    """Return what pipenv would note of *pipfile*. Where that names no source, pipenv counts the one that it locked."""
    content = {
        "_meta": {"sources": pipfile.get("source", meta.get("sources", [])), "requires": pipfile.get("requires", {})},
        _MAIN: pipfile.get("packages", {}),
        _DEVELOPMENT: pipfile.get("dev-packages", {}),
        **{name: values for name, values in pipfile.items() if name not in _SECTIONS},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
