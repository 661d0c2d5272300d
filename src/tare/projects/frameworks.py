"""Known frameworks, and the servers that run what they make: `frameworks.toml`, applied to a project's modules."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tare.projects import files
from tare.projects.project import Project

Reader = Callable[[str], bytes]
"""Returns the content of one of the project's files, by its path relative to the root."""

_LARGEST = 1024 * 1024
"""Bytes. A larger module is generated, and no application."""

HINT = "set `entrypoint` in [tool.tare], or pass `--entrypoint`"


class Entrypoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a container of the image runs."""

    argv: tuple[str, ...]
    """Exec form; empty when nothing was found."""

    reason: str
    """Why it is this, to be shown beside it."""

    port: int | None = None
    """The TCP port that it listens on, when that is known."""

    pythonpath: tuple[str, ...] = ()
    """Directories, relative to the project's root, that its modules are imported from besides that root."""

    warning: str | None = None
    """What may not be as it is meant, and how to set it."""


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """A module of the project, and how it is imported."""

    path: str
    dotted: str
    base: str
    """The directory it is imported from: empty for the root."""

    @property
    def depth(self) -> int:
        return self.dotted.count(".")


class _Framework(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    distribution: str
    interface: str
    port: int
    makes: tuple[str, ...] = ()
    imports: str | None = None


class _Server(msgspec.Struct, frozen=True, kw_only=True):
    distribution: str
    interface: str
    command: tuple[str, ...]
    factory: tuple[str, ...] = ()


def modules_of(project: Project, sources: Sequence[str]) -> Iterator[Module]:
    """Yield what can be imported: tests cannot be meant, and of a wheel only what is in a package is there."""
    there = frozenset(sources)
    for path in sources:
        if not path.endswith(".py") or _is_test(path):
            continue
        base = "src" if path.startswith("src/") and "src/__init__.py" not in there else ""
        inner = path.removeprefix("src/") if base else path
        parts = inner.removesuffix(".py").split("/")
        if not all(part.isidentifier() for part in parts):
            continue
        if project.has_build_system and len(parts) == 1 and not base:
            continue
        if parts[-1] == "__init__" and len(parts) > 1:
            parts = parts[:-1]
        yield Module(path=path, dotted=".".join(parts), base="" if project.has_build_system else base)


def _is_test(path: str) -> bool:
    parts = path.split("/")
    folders = {"tests", "test", "testing", "docs", "examples", "scripts", "migrations", "alembic", "benchmarks"}
    return (
        not folders.isdisjoint(parts[:-1]) or parts[-1].startswith("test_") or parts[-1] in {"conftest.py", "setup.py"}
    )


def served(modules: Sequence[Module], read: Reader, locked: frozenset[str]) -> Entrypoint | None:
    frameworks, servers = _tables()
    for framework in frameworks:
        if framework.distribution not in locked:
            continue
        found = _applications(framework, modules, read)
        if found:
            server = next(
                (each for each in servers if each.interface == framework.interface and each.distribution in locked),
                None,
            )
            if server is None and _is_served_otherwise(framework, frameworks, servers, locked):
                continue
            return _command(framework, server, found, servers)
    return None


def _is_served_otherwise(
    framework: _Framework, frameworks: Sequence[_Framework], servers: Sequence[_Server], locked: frozenset[str]
) -> bool:
    """Return whether the same framework has another interface for which a server is locked: Django has two."""
    others = {each.interface for each in frameworks if each.name == framework.name} - {framework.interface}
    return any(server.interface in others and server.distribution in locked for server in servers)


class _Candidate(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An application, sorted by how likely it is the one that is meant."""

    rank: tuple[int, int, int]
    module: Module
    name: str
    is_factory: bool


_LIKELY_MODULES = ("main", "app", "asgi", "wsgi", "server", "api", "application", "__init__")
_LIKELY_NAMES = ("app", "application", "api", "server")


def _applications(framework: _Framework, modules: Sequence[Module], read: Reader) -> list[_Candidate]:
    """Return the applications of *framework* that *modules* make, the likeliest first."""
    from tare.projects import applications

    wanted = (framework.imports or framework.distribution).encode()
    found = []
    for module in modules:
        source = read(module.path)
        if wanted not in source or len(source) > _LARGEST:
            continue  # reading is fast, parsing is not
        if framework.imports is not None and applications.imports(source, framework.imports):
            found.append(_Candidate(rank=_rank(module, "", is_factory=False), module=module, name="", is_factory=False))
        for each in applications.find(module.path, source, framework.makes):
            rank = _rank(module, each.name, is_factory=each.is_factory)
            found.append(_Candidate(rank=rank, module=module, name=each.name, is_factory=each.is_factory))
    return sorted(found, key=lambda candidate: (candidate.rank, candidate.module.path, candidate.name))


def _rank(module: Module, name: str, *, is_factory: bool) -> tuple[int, int, int]:
    stem = module.path.rpartition("/")[2].removesuffix(".py")
    likely = _LIKELY_MODULES.index(stem) if stem in _LIKELY_MODULES else len(_LIKELY_MODULES)
    named = _LIKELY_NAMES.index(name) if name in _LIKELY_NAMES else len(_LIKELY_NAMES)
    return (likely, module.depth, named + (len(_LIKELY_NAMES) + 1 if is_factory else 0))


def _command(
    framework: _Framework, server: _Server | None, found: Sequence[_Candidate], servers: Sequence[_Server]
) -> Entrypoint:
    best = found[0]
    app = f"{best.module.dotted}:{best.name}" if best.name else best.module.path
    if len(found) > 1 and found[1].rank == best.rank:
        names = ", ".join(f"`{each.module.dotted}:{each.name}`" for each in found if each.rank == best.rank)
        return nothing("several applications", f"which {framework.name} application is meant is open, {names}: {HINT}")
    if server is None:
        names = ", ".join(f"`{each.distribution}`" for each in servers if each.interface == framework.interface)
        return nothing(
            "no server", f"`{app}` is a {framework.name} application, and no server for it is locked ({names}): {HINT}"
        )
    template = server.factory if best.is_factory else server.command
    values = {"app": app, "port": framework.port, "file": best.module.path, "module": best.module.dotted}
    return Entrypoint(
        argv=tuple(part.format_map(values) for part in template),
        reason=f"`{app}` is a {framework.name} application, and `{server.distribution}` is locked",
        port=framework.port,
        pythonpath=(best.module.base,) if best.module.base else (),
    )


def nothing(reason: str, warning: str) -> Entrypoint:
    return Entrypoint(argv=(), reason=reason, warning=warning)


def _tables() -> tuple[list[_Framework], list[_Server]]:
    document: Mapping[str, Any] = files.toml(os.path.join(os.path.dirname(__file__), "frameworks.toml"))
    return (
        msgspec.convert(document["framework"], list[_Framework]),
        msgspec.convert(document["server"], list[_Server]),
    )
