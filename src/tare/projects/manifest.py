"""Decoding a project's manifest: `pyproject.toml`, the metadata of a script, and a `Pipfile` beside its lock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tare.projects import files, poetry, script, settings
from tare.projects.discovery import Found
from tare.projects.names import normalize
from tare.projects.project import Project
from tare.projects.values import Mistakes, Table, any_string, string


def decode(found: Found) -> Project:
    """Return what *found* says."""
    if found.manifest is None:
        from_legacy = found.lock is not None and found.lock.kind == "pyproject"
        project = Project(
            root=found.root,
            lock=found.lock,
            has_build_system=found.has_legacy,
            has_dependencies=from_legacy,  # only its backend knows
            warnings=found.warnings,
        )
    elif found.is_script:
        project = _from_script(found, script.metadata(found.manifest, found.data))
    else:
        project = _from_manifest(found, files.toml(found.manifest, found.data))
    if not found.pipfile:
        return project
    if found.lock is not None and found.lock.kind == "pipfile":
        return _with_pipfile(project, files.toml("Pipfile", found.pipfile))
    if not project.has_dependencies and files.toml("Pipfile", found.pipfile).get("packages"):
        return msgspec.structs.replace(project, has_dependencies=True, is_unlocked_pipfile=True)
    return project


def _from_script(found: Found, document: Mapping[str, Any] | None) -> Project:
    mistakes = Mistakes()
    table = Table(document or {}, mistakes)
    dependencies = table.many("dependencies", _requirement, "a requirement")
    requires_python = table.one("requires-python", string, "a version specifier")
    own = _own(table)
    base = files.name(found.manifest or "")
    mistakes.check(f"the `script` block of `{base}` is not understood")
    return Project(
        root=found.root,
        name=base.removesuffix(".py"),
        requires_python=requires_python,
        dependencies=dependencies,
        has_dependencies=bool(dependencies),
        manifest=found.manifest,
        script=found.manifest,
        lock=found.lock if document is not None else None,
        config=settings.parse(own, base),
    )


def _from_manifest(found: Found, document: Mapping[str, Any]) -> Project:
    mistakes = Mistakes()
    root = Table(document, mistakes)
    table = root.table("project") or Table({}, mistakes)
    old = poetry.table(document)
    dynamic = table.many("dynamic", string, "the name of a field")
    dependencies = table.many("dependencies", _requirement, "a requirement")
    groups = _groups(document, root)
    is_built = _is_built(document, old, legacy=found.has_legacy)
    project = Project(
        root=found.root,
        name=table.one("name", string, "a name") or string(old.get("name")),
        version=table.one("version", string, "a version") or _static_version(old, dynamic),
        requires_python=table.one("requires-python", any_string, "a version specifier")
        or poetry.requires_python(old)
        or None,
        has_build_system=is_built,
        scripts=table.mapping("scripts", string, "an entry point") or _strings(old.get("scripts")),
        gui_scripts=table.mapping("gui-scripts", string, "an entry point"),
        dependencies=dependencies,
        has_dependencies=bool(
            dependencies
            or "dependencies" in dynamic
            or set(old.get("dependencies", {})) - {"python"}
            or (is_built and not old and root.raw("project") is None)  # a `setup.cfg`, say: only its backend knows
        ),
        extras=_extras(table, old),
        groups=groups,
        manifest=found.manifest,
        lock=found.lock,
        workspace=found.workspace,
        config=settings.parse(_own(root), "pyproject.toml"),
        warnings=found.warnings,
    )
    mistakes.check("`pyproject.toml` is not understood")
    return project


def _with_pipfile(project: Project, document: Mapping[str, Any]) -> Project:
    """Return *project* with what its `Pipfile` adds: the interpreter it asks for, and its categories as groups."""
    requires = document.get("requires", {})
    series = requires.get("python_full_version") or requires.get("python_version")
    wanted = f"=={series}" + (".*" if str(series).count(".") < 2 else "") if series else None
    packages = {name for name, value in document.items() if isinstance(value, dict)} - set(_PIPFILE_SECTIONS)
    return msgspec.structs.replace(
        project,
        requires_python=project.requires_python or wanted,
        has_dependencies=project.has_dependencies or bool(document.get("packages")),
        groups=tuple(sorted({normalize(name) for name in packages} | {"dev"})),
    )


_PIPFILE_SECTIONS = ("packages", "dev-packages", "requires", "scripts", "pipenv", "pipfile", "source")
"""What is no category of packages, or one that has another name as a group."""


def _tool(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    tool = document.get("tool", {})
    found = tool.get(name, {}) if isinstance(tool, dict) else {}
    return found if isinstance(found, dict) else {}


def _requirement(value: object) -> str | None:
    """Accept a requirement (PEP 508). Whoever is asked to resolve what is none says so in twenty lines of its own."""
    from packaging.requirements import InvalidRequirement, Requirement

    text = string(value) or ""
    try:
        Requirement(text)
    except InvalidRequirement:
        return None
    return text


def _array(value: object) -> list[Any] | None:
    """Accept an array: what a group may have in it besides requirements is for whoever resolves it."""
    return value if isinstance(value, list) else None


def _own(root: Table) -> dict[str, Any]:
    """Return `[tool.tare]`. What is no table is a mistake: it would be passed over without a word."""
    tool = root.table("tool")
    return dict(tool.raw("tare")) if tool is not None and tool.table("tare") is not None else {}


def _static_version(old: Mapping[str, Any], dynamic: tuple[str, ...]) -> str | None:
    return None if "version" in dynamic else string(old.get("version"))


def _is_built(document: Mapping[str, Any], old: Mapping[str, Any], *, legacy: bool) -> bool:
    """Return whether the project is a distribution; uv and Poetry can say that it is not, in spite of a backend.

    Without a table, a `setup.py` is what setuptools is run for, as PEP 517 has it.
    """
    if _tool(document, "uv").get("package") is False or old.get("package-mode") is False:
        return False
    return isinstance(document.get("build-system"), dict) or legacy


def _strings(value: object) -> dict[str, str]:
    return (
        {key: item for key, item in sorted(value.items()) if isinstance(item, str)} if isinstance(value, dict) else {}
    )


def _extras(table: Table, old: Mapping[str, Any]) -> tuple[str, ...]:
    names = set(old.get("extras") or ())
    optional = table.table("optional-dependencies")
    if optional is not None:
        for name in sorted(table.raw("optional-dependencies")):
            optional.many(name, _requirement, "a requirement")
            names.add(name)
    return tuple(sorted(normalize(name) for name in names))


def _groups(document: Mapping[str, Any], root: Table) -> tuple[str, ...]:
    names = set(root.mapping("dependency-groups", _array, "an array")) | set(poetry.groups(poetry.table(document)))
    names |= set(_tool(document, "pdm").get("dev-dependencies") or ())
    if _tool(document, "uv").get("dev-dependencies"):
        names.add("dev")
    return tuple(sorted({normalize(name) for name in names}))
