"""What a project's manifest asks for now, to be held against what its lock was made for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from tare.errors import ProjectError
from tare.projects import files, markers, poetry
from tare.projects.names import normalize
from tare.projects.project import Project
from tare.wheels.target import Target


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement of a manifest."""

    name: str
    """Normalized."""

    alternatives: tuple[SpecifierSet, ...]
    """Versions that will do, any of them."""

    extras: frozenset[str] = frozenset()

    marker: Marker | None = None
    """Of a requirement: it may ask for `extra`."""

    group: str | None = None
    """The normalized name of the dependency group that has it."""

    is_direct: bool = False
    """Whether it names a path, a URL or a repository, so that its version says nothing."""

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        versions = " or ".join(",".join(sorted(map(str, each))) for each in self.alternatives)
        return f"{self.name}{extras}{versions}" + (f" ; {self.marker}" if self.marker else "")

    def accepts(self, version: str | None) -> bool:
        """Return whether a locked *version* is one that it asks for."""
        if self.is_direct or version is None:
            return True
        try:
            parsed = Version(version)
        except InvalidVersion:
            return True
        return any(each.contains(parsed, prereleases=True) for each in self.alternatives)


def wishes(document: Mapping[str, Any]) -> Iterator[Wish]:
    """Yield what a `pyproject.toml` asks for: its dependencies, those of its extras, and those of its groups."""
    project = document.get("project", {})
    for text in project.get("dependencies", ()):
        yield from_requirement(text)
    for extra, texts in project.get("optional-dependencies", {}).items():
        for text in texts:
            yield from_requirement(text, extra=normalize(extra))
    for group, texts in groups(document).items():
        for text in texts:
            yield from_requirement(text, group=group)
    settings = poetry.table(document)
    if "dependencies" not in project:
        yield from _of_poetry(settings.get("dependencies", {}), "tool.poetry.dependencies")
    for group, values in poetry.groups(settings).items():
        yield from _of_poetry(values, f"tool.poetry.group.{group}.dependencies", group)


def groups(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the requirements of each dependency group (PEP 735), its included groups among them."""
    tables = {normalize(name): list(values) for name, values in document.get("dependency-groups", {}).items()}
    tool = document.get("tool", {})
    for name, values in tool.get("pdm", {}).get("dev-dependencies", {}).items():
        tables.setdefault(normalize(name), []).extend(values)
    if tool.get("uv", {}).get("dev-dependencies"):
        tables.setdefault("dev", []).extend(tool["uv"]["dev-dependencies"])
    return {name: list(_flat(name, tables, ())) for name in tables}


def _flat(name: str, tables: Mapping[str, Sequence[Any]], above: tuple[str, ...]) -> Iterator[str]:
    if name in above:
        raise ProjectError("`pyproject.toml` is not understood", causes=(f"the group `{name}` includes itself",))
    if name not in tables:
        raise ProjectError("`pyproject.toml` is not understood", causes=(f"there is no group `{name}` to include",))
    for item in tables[name]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
            yield from _flat(normalize(item["include-group"]), tables, (*above, name))


def from_requirement(text: str, *, extra: str | None = None, group: str | None = None) -> Wish:
    """Read one requirement (PEP 508); *extra* is the one that brings it."""
    try:
        # An editable dependency of PDM is a URL alone after its name.
        requirement = Requirement(text.removeprefix("-e ").strip())
    except InvalidRequirement as error:
        if "://" in text or text.startswith(("-e ", ".", "/")):
            return Wish(name=normalize(text.rpartition("#egg=")[2]), alternatives=(), is_direct=True, group=group)
        raise ProjectError(f"`{text}` is not a requirement", causes=tuple(str(error).splitlines())) from error
    own = str(requirement.marker) if requirement.marker else None
    marker = markers.both(own, f'extra == "{extra}"' if extra else None)
    return Wish(
        name=normalize(requirement.name),
        alternatives=(requirement.specifier,),
        extras=frozenset(normalize(each) for each in requirement.extras),
        marker=Marker(marker) if marker else None,
        group=group,
        is_direct=requirement.url is not None,
    )


def _of_poetry(values: Mapping[str, Any], where: str, group: str | None = None) -> Iterator[Wish]:
    for dependency in poetry.dependencies(values, where):
        yield Wish(
            name=dependency.name,
            alternatives=tuple(SpecifierSet(each) for each in dependency.alternatives),
            extras=frozenset(dependency.extras),
            marker=Marker(dependency.marker) if dependency.marker else None,
            group=group,
            is_direct=dependency.source is not None,
        )


def unmet(
    asked: Iterable[Wish],
    versions: Mapping[str, Sequence[str | None]],
    origin: str,
    *,
    manifest: str = "pyproject.toml",
    own: str | None = None,
) -> list[str]:
    """Say which of *asked* the *versions* of a lock do not meet; what asks for the project itself, *own*, is met."""
    found = []
    for wish in asked:
        if wish.name == own or not _is_about_linux(wish):
            continue
        locked = versions.get(wish.name)
        if locked is None:
            found.append(f"`{manifest}` asks for `{wish}`, which `{origin}` does not have")
        elif not any(wish.accepts(version) for version in locked):
            have = " and ".join(dict.fromkeys(str(version) for version in locked))
            found.append(f"`{manifest}` asks for `{wish}`; `{origin}` has {have}")
    return found


def refuse_contradiction(
    project: Project, origin: str, target: Target, extras: Iterable[str], versions: Mapping[str, Sequence[str | None]]
) -> None:
    """Raise when a lock that does not know its manifest has not what that asks for on *target*.

    *versions* are those that the target takes of the lock, by name.
    """
    extras = ("", *extras)
    asked = [
        wish
        for wish in map(from_requirement, project.dependencies)
        if wish.marker is None or any(_holds(wish.marker, target, extra) for extra in extras)
    ]
    manifest = files.name(project.manifest or "")
    causes = unmet(asked, versions, origin, manifest=manifest, own=normalize(project.name or ""))
    if causes and (overridden := _overridden(project)):
        asked = [wish for wish in asked if wish.name not in overridden]
        causes = unmet(asked, versions, origin, manifest=manifest, own=normalize(project.name or ""))
    if causes:
        raise ProjectError(
            f"`{origin}` contradicts `{manifest}`",
            causes=tuple(causes[:20]),
            hints=(f"Lock the project anew, or change what `{manifest}` asks for",),
        )


def _holds(marker: Marker, target: Target, extra: str) -> bool:
    return marker.evaluate({**target.environment, "extra": extra})  # type: ignore[dict-item]  # its values are text


def _overridden(project: Project) -> set[str]:
    """Return the names for which uv was told to obey neither the project nor anybody else."""
    document = files.toml(project.manifest) if project.manifest and project.script is None else {}
    settings = document.get("tool", {}).get("uv", {})
    listed = [*settings.get("override-dependencies", ()), *settings.get("exclude-dependencies", ())]
    return {from_requirement(text).name for text in listed if isinstance(text, str)}


def _is_about_linux(wish: Wish) -> bool:
    if wish.marker is None:
        return True
    marker = Marker(markers.in_lock(str(wish.marker)))
    return any(markers.possible(marker, f"3.{minor}") for minor in range(11, 16))


def stale(origin: str, causes: Sequence[str], command: str) -> ProjectError:
    """Return the error for a lock that does not have what its manifest asks for."""
    return ProjectError(f"`{origin}` is out of date", causes=tuple(causes[:20]), hints=(f"Run `{command}`",))


def is_content_hash(noted: object) -> bool:
    """Return whether a lock notes a digest: by hand or by accident there may be anything."""
    return isinstance(noted, str) and re.fullmatch(r"[0-9a-f]{64}", noted) is not None


def for_another(origin: str, manifest: str, *, noted: str, found: str, command: str) -> ProjectError:
    """Return the error for a lock whose own note says that it was made for another manifest."""
    cause = f"it was made for a `{manifest}` with the content hash {noted[:16]}…; the one beside it has {found[:16]}…"
    return ProjectError(f"`{origin}` is out of date", causes=(cause,), hints=(f"Run `{command}`",))
