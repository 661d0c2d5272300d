"""`[tool.poetry]`: the metadata, constraints and groups that Poetry had before `[project]`, in the words of PEP 508.

https://python-poetry.org/docs/dependency-specification/
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tare.errors import ProjectError
from tare.projects.names import normalize

MAIN = "main"
"""Poetry's name for the dependencies that are not in a group."""

_clause = re.compile(r"\s*(?P<operator>\^|~=|~|===|==|!=|>=|<=|>|<|=)?\s*(?P<version>[0-9A-Za-z.*+!_-]+)\s*")


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """What a table of dependencies says about one distribution, for one environment."""

    name: str
    """Normalized."""

    alternatives: tuple[str, ...]
    """Version specifiers (PEP 440), any of which will do; `('',)` accepts every version."""

    extras: tuple[str, ...] = ()

    marker: str | None = None

    optional: bool = False
    """Whether only an extra brings it."""

    source: str | None = None
    """A direct reference: `git+https://…@rev`, a URL or a path. The lock has the exact one."""

    def requirement(self, root: str) -> str:
        """Return it as a line of PEP 508; a path starts at *root*."""
        if len(self.alternatives) > 1:
            raise ProjectError(
                f"`{self.name}` has a constraint that PEP 440 cannot say", causes=(" || ".join(self.alternatives),)
            )
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        source = self.source
        if source and "://" not in source and "+" not in source:
            source = f"file://{os.path.join(root, source)}"
        where = f" @ {source}" if source else self.alternatives[0]
        return f"{self.name}{extras}{where}" + (f" ; {self.marker}" if self.marker else "")


def table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `[tool.poetry]` of a `pyproject.toml`, empty when there is none."""
    found = document.get("tool", {})
    found = found.get("poetry", {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def groups(settings: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the dependencies of each group of `[tool.poetry]`, by the group's normalized name."""
    found: dict[str, Mapping[str, Any]] = {}
    old = settings.get("dev-dependencies")
    if isinstance(old, dict) and old:
        found["dev"] = old
    tables = settings.get("group", {})
    for name, value in tables.items() if isinstance(tables, dict) else ():
        dependencies = value.get("dependencies", {}) if isinstance(value, dict) else {}
        if isinstance(dependencies, dict):
            found[normalize(name)] = {**found.get(normalize(name), {}), **dependencies}
    return found


def dependencies(values: Mapping[str, Any], where: str) -> Iterator[Dependency]:
    """Yield what a table of dependencies says, without `python`, which is no distribution."""
    for name, value in values.items():
        if normalize(name) == "python":
            continue
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            path = f"{where}.{name}" + (f"[{index}]" if isinstance(value, list) else "")
            yield _dependency(name, item, path)


def requirements(settings: Mapping[str, Any], extras: tuple[str, ...], asked: tuple[str, ...], root: str) -> list[str]:
    """Return what is asked for, with *extras* and the groups *asked*, as lines of PEP 508; paths start at *root*."""
    tables = groups(settings)
    named = settings.get("extras", {})
    brought = {normalize(str(name)) for extra, names in named.items() if normalize(extra) in extras for name in names}
    found = [
        dependency
        for dependency in dependencies(settings.get("dependencies", {}), "tool.poetry.dependencies")
        if not dependency.optional or dependency.name in brought
    ]
    for group in asked:
        found += dependencies(tables.get(group, {}), f"tool.poetry.group.{group}.dependencies")
    return [dependency.requirement(root) for dependency in found]


def requires_python(settings: Mapping[str, Any]) -> str | None:
    """Return what Poetry's `python` dependency asks for, as one specifier; `None` where PEP 440 has none for it."""
    value = settings.get("dependencies", {}).get("python")
    if not isinstance(value, str):
        return None
    found = alternatives(value)
    return found[0] or None if len(found) == 1 else None


def alternatives(constraint: str) -> tuple[str, ...]:
    """Return the PEP 440 specifiers that *constraint* allows, any of which will do.

    >>> alternatives("^1.2.3")
    ('>=1.2.3,<2',)
    >>> alternatives("~2.7 || ^3.2")
    ('>=2.7,<2.8', '>=3.2,<4')
    """
    return tuple(_conjunction(part) for part in re.split(r"\|\|?", constraint))


def _conjunction(text: str) -> str:
    clauses: list[str] = []
    rest = text.strip()
    while rest:
        match = _clause.match(rest)
        if match is None:
            raise ProjectError(f"`{text.strip()}` is not a version constraint")
        clauses.extend(_specifiers(match["operator"], match["version"]))
        rest = rest[match.end() :].lstrip(", ")
    return ",".join(clauses)


def _specifiers(operator: str | None, version: str) -> Iterator[str]:
    if version == "*":
        return
    if operator in {"^", "~"}:
        yield f">={version.removesuffix('.*')}"
        yield f"<{_next(version, caret=operator == '^')}"
    elif operator in {None, "=", "=="}:
        yield f"=={version}"
    else:
        yield f"{operator}{version}"


def _next(version: str, *, caret: bool) -> str:
    """Return the first version that `^version`, or `~version`, leaves out."""
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    parts = [int(part) for part in (release[0] if release else "0").split(".")]
    if caret:  # the first number that is not zero may not change, or the last when all are
        index = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    else:  # the minor number may not change, or the major one when it is alone
        index = min(1, len(parts) - 1)
    return ".".join(str(part) for part in [*parts[:index], parts[index] + 1])


def _dependency(name: str, value: object, where: str) -> Dependency:
    if isinstance(value, str):
        return Dependency(name=normalize(name), alternatives=alternatives(value))
    if not isinstance(value, dict):
        raise ProjectError("`pyproject.toml` is not understood", causes=(f"`{where}`: expected a constraint",))
    return Dependency(
        name=normalize(name),
        alternatives=alternatives(str(value.get("version", "*"))),
        extras=tuple(sorted(normalize(str(extra)) for extra in value.get("extras", ()))),
        marker=_marker(value),
        optional=value.get("optional") is True,
        source=_source(value),
    )


def _marker(value: Mapping[str, Any]) -> str | None:
    found = []
    if isinstance(value.get("markers"), str):
        found.append(f"({value['markers']})")
    if isinstance(value.get("python"), str):
        found.append(_python_marker(alternatives(value["python"])))
    if isinstance(value.get("platform"), str):
        found.append(f"sys_platform == '{value['platform']}'")
    return " and ".join(part for part in found if part) or None


def _python_marker(specifiers: tuple[str, ...]) -> str:
    """Return the marker that holds where the interpreter's version is one of *specifiers*."""
    found = []
    for specifier in specifiers:
        clauses = [re.match(r"(\W+)(.*)", clause.strip()) for clause in specifier.split(",") if clause]
        found.append(" and ".join(f"python_full_version {match[1]} '{match[2]}'" for match in clauses if match))
    return "(" + " or ".join(f"({text})" for text in found) + ")" if all(found) else ""


def _source(value: Mapping[str, Any]) -> str | None:
    if isinstance(value.get("git"), str):
        revision = value.get("rev") or value.get("tag") or value.get("branch")
        return f"git+{value['git']}" + (f"@{revision}" if revision else "")
    for key in ("url", "path", "file"):
        if isinstance(value.get(key), str):
            return str(value[key])
    return None
