"""`uv.lock`: exported by uv itself, which needs no interpreter for it as long as it need not ask whether it is fresh.

Without `--frozen`, `uv export` looks for an interpreter that the project accepts, and fetches one. So staleness is
checked here: the lock has, for each member of its workspace, the requirements that it was made for.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from tare.projects import files, markers, script
from tare.projects.discovery import Lock
from tare.projects.locks import declared, pylock
from tare.projects.locks.declared import Wish
from tare.projects.locks.interface import Request, Resolution
from tare.projects.names import check_known, normalize
from tare.projects.project import Project
from tare.projects.uv import Uv

_PLAIN = frozenset({"name", "specifier", "marker", "extras", "index", "conflict"})
"""What a requirement in the lock has when it is of an index; anything else says where it comes from."""


def resolve(lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution:
    """Export the lock, with the extras and groups that are wanted."""
    check_known("extra", request.extras, project.extras, project.name or lock.name)
    check_known("group", request.groups, project.groups, project.name or lock.name)
    document = files.toml(lock.path)
    inputs = (lock.path, *_manifests(lock, project, document))
    warnings = _freshness(lock, project, document)
    wanted = [part for name in request.extras for part in ("--extra", name)]
    wanted += [part for name in request.groups for part in ("--group", name)]
    if project.script is not None:
        wanted += ["--script", os.path.join(os.curdir, os.path.relpath(project.script, project.root))]
    else:
        wanted += ["--no-emit-project", "--no-default-groups"]
    answer = uv.export(
        what=f"cannot read `{lock.name}`",
        directory=project.root,
        args=("--frozen", *wanted),
        inputs=[files.read_bytes(path) for path in inputs],
    )
    return Resolution(
        pylock=pylock.parse(tomllib.loads(answer.decode()), lock.name),
        origin=lock.name,
        directory=project.root,
        pinned=True,
        hashed=True,
        inputs=inputs,
        warnings=warnings,
    )


def _manifests(lock: Lock, project: Project, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the manifests that uv reads beside the lock: the project's own, and those of the workspace."""
    own = [project.manifest] if project.manifest else []
    found = set(own)
    for package in document.get("package", ()):
        source = package.get("source", {})
        path = source.get("editable") or source.get("virtual") or source.get("directory")
        if isinstance(path, str):
            found.add(os.path.normpath(os.path.join(os.path.dirname(lock.path), path, "pyproject.toml")))
    return tuple(sorted(path for path in found if os.path.isfile(path)))


def _freshness(lock: Lock, project: Project, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is to be said of a lock that was made for another manifest, or raise when it does not fit this one."""
    if project.manifest is None:
        return ()
    of_what = _of_script if project.script is not None else _of_project
    asked, made_for, command = of_what(lock, project, document)
    new = [wish for wish in asked if not any(_same(wish, other) for other in made_for)]
    gone = [wish for wish in made_for if not any(_same(other, wish) for other in asked)]
    versions = _versions(document)
    causes = declared.unmet(new, versions, lock.name, manifest=files.name(project.manifest))
    causes += [cause for wish in new if wish.name in versions for cause in _without(wish, made_for, lock.name)]
    if causes:
        raise declared.stale(lock.name, causes, command)
    changed = ", ".join(f"`{wish}`" for wish in (*new, *gone)[:3])
    return (f"`{lock.name}` was made for other requirements, though it meets these: {changed}",) if changed else ()


_Compared = tuple[list[Wish], list[Wish], str]
"""What the manifest asks for, what the lock was made for, and the command that makes it anew."""


def _of_script(lock: Lock, project: Project, document: Mapping[str, Any]) -> _Compared:  # noqa: ARG001 - as its sibling
    path = project.script or ""
    asked = (script.metadata(path, files.read_bytes(path)) or {}).get("dependencies", ())
    made_for = _wishes(document.get("manifest", {}).get("requirements", ()))
    return [declared.from_requirement(text) for text in asked], list(made_for), f"uv lock --script {files.name(path)}"


def _of_project(lock: Lock, project: Project, document: Mapping[str, Any]) -> _Compared:
    manifest = files.toml(project.manifest or "")
    entry = _entry(document, normalize(project.name or ""))
    if entry is None:
        raise declared.stale(lock.name, [f"it does not have `{project.name}`"], "uv lock")
    if "dependencies" in manifest.get("project", {}).get("dynamic", ()):
        return [], [], "uv lock"
    # uv locks nothing that [tool.poetry] or [tool.pdm] asks for.
    settings = {"tool": {"uv": manifest.get("tool", {}).get("uv", {})}}
    return list(declared.wishes({**manifest, **settings})), list(_made_for(entry)), "uv lock"


def _entry(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    for package in document.get("package", ()):
        if package.get("name") == name and not {"editable", "virtual", "directory"}.isdisjoint(
            package.get("source", {})
        ):
            return dict(package)
    return None


def _versions(document: Mapping[str, Any]) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for package in document.get("package", ()):
        found.setdefault(package.get("name", ""), []).append(package.get("version"))
    return found


def _made_for(entry: Mapping[str, Any]) -> Iterator[Wish]:
    metadata = entry.get("metadata", {})
    yield from _wishes(metadata.get("requires-dist", ()))
    for group, values in metadata.get("requires-dev", {}).items():
        yield from _wishes(values, normalize(group))


def _wishes(values: Sequence[Mapping[str, Any]], group: str | None = None) -> Iterator[Wish]:
    for value in values:
        specifier = value.get("specifier", "")
        yield Wish(
            name=normalize(value["name"]),
            alternatives=(SpecifierSet("" if specifier == "*" else specifier),),
            extras=frozenset(value.get("extras", ())),
            marker=Marker(value["marker"]) if "marker" in value else None,
            group=group,
            is_direct=not _PLAIN.issuperset(value),
        )


def _without(wish: Wish, made_for: Sequence[Wish], origin: str) -> Iterator[str]:
    """Say what the lock was made without: it has a release that will do, but not where it is needed, or not all of it."""
    other = next((each for each in made_for if each.name == wish.name and each.group == wish.group), None)
    if other is None:
        yield f"`{wish}` is asked for, and `{origin}` was made without it"
    elif wish.extras - other.extras:
        yield f"`{wish}` is asked for, and `{origin}` was made for `{other}`"


def _same(first: Wish, second: Wish) -> bool:
    if (first.name, first.extras, first.group) != (second.name, second.extras, second.group):
        return False
    versions = first.is_direct or second.is_direct or first.alternatives == second.alternatives
    extras = {extra for wish in (first, second) for extra in _extras(wish.marker)}
    return versions and markers.same(first.marker, second.marker, extras)


def _extras(marker: Marker | None) -> list[str]:
    import re

    return re.findall(r'extra == "([^"]+)"', str(marker)) if marker else []
