"""Copies of a project in which one thing is different: a line of its own, or a dependency more."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from typing import Final

from tare.errors import ProjectError, TareError
from tare.flow.world import World
from tare.projects.project import Project, read
from tare.projects.sources import collect

_LEFT_BEHIND: Final = shutil.ignore_patterns(
    ".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", ".mypy_cache", ".pytest_cache", ".ruff_cache", "dist"
)
_ADDED: Final = ("iniconfig", "tomli", "zipp", "six")
"""Distributions that are one small wheel without dependencies: the first that the project does not have is added."""


def copied(project: Project, scratch: Path) -> Path:
    """Copy *project*, or the workspace that it is in, to *scratch* and return the copy's directory."""
    whole = project.workspace or project.root
    target = scratch / "project"
    shutil.copytree(whole, target, symlinks=True, ignore=_LEFT_BEHIND)
    return target / os.path.relpath(project.root, whole)


def add_line(directory: Path) -> str:
    """Change a line of the project in *directory*, and return the path of the file."""
    names = [file.path for file in collect(read(directory)) if file.path.endswith(".py")]
    modules = sorted(names, key=lambda path: (path.count("/"), "test" in path, path))
    if not modules:
        raise ProjectError("no line can be changed", causes=(f"`{directory.name}` has no Python file of its own",))
    with (directory / modules[0]).open("a", encoding="utf-8") as file:
        file.write("\n# A line that was not here before.\n")
    return modules[0]


def salt(directory: Path, token: str) -> None:
    """Make the project in *directory* differ from every one that was built before, by comments that have *token*, a number.

    An engine keeps the layers of what it built, whoever asked for that: it would have nothing to do but the first time.
    """
    _mark_lock(directory, token)
    with contextlib.suppress(
        ProjectError
    ):  # Without a module there is no line that could be changed, which is said then.
        changed = add_line(directory)
        with (directory / changed).open("a", encoding="utf-8") as file:
            file.write(f"# {token}\n")


def _mark_lock(directory: Path, token: str) -> None:
    lock = read(directory).lock
    if lock is not None:
        with Path(lock.path).open("a", encoding="utf-8") as file:
            # JSON has no comments, but blanks.
            file.write(f"\n# {token}\n" if _has_comments(Path(lock.path)) else " " * (int(token, 16) % 8191) + "\n")


def add_dependency(world: World, directory: Path, token: str) -> str:
    """Add a dependency to the project in *directory*. Return what is to be known about it: nothing, if all went well.

    The lockfile has *token* in a comment afterwards, which tools that write it anew remove.
    """
    note = _add_dependency(world, directory)
    _mark_lock(directory, token)
    return note


def _add_dependency(world: World, directory: Path) -> str:
    """Add the dependency, or touch the lockfile.

    A lockfile whose own tool would have to write it is only touched: then a builder that goes by the file's content
    installs everything again, and one that goes by what it says has nothing to do.
    """
    project = read(directory)
    lock = project.lock
    kind = lock.kind if lock is not None else None
    present = lock_text(project)
    name = next((each for each in _ADDED if not re.search(rf"(?m)^(name = \")?{each}\b", present)), None)
    if lock is None or name is None:
        return "no dependency was added: there is no lockfile, or it has all that could be"
    try:
        if kind == "requirements":
            return _require(world, Path(lock.path), name)
        if kind in {"uv", "pyproject"}:
            return _uv_add(world, directory, name)
    except TareError as error:
        return _touched(Path(lock.path), f"{name} could not be added ({error.message})")
    return _touched(Path(lock.path), f"only the tool that wrote `{lock.name}` can add to it")


def lock_text(project: Project) -> str:
    """Return the text of the project's lockfile, or nothing."""
    return Path(project.lock.path).read_text(encoding="utf-8", errors="replace") if project.lock else ""


def _require(world: World, path: Path, name: str) -> str:
    hashed = "--hash" in path.read_text(encoding="utf-8")
    options = ("pip", "compile", "-", "--no-deps", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet")
    line = _uv(world, path.parent, *options, *(("--generate-hashes",) if hashed else ()), stdin=name)
    if hashed and "--hash" not in line:
        raise ProjectError(f"nothing tells the hash of `{name}`")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}")
    return ""


def _uv_add(world: World, directory: Path, name: str) -> str:
    _uv(world, directory, "add", "--no-sync", "--quiet", name)
    return ""


def _uv(world: World, directory: Path, *arguments: str, stdin: str = "") -> str:
    from tare.projects.process import run
    from tare.projects.uv import find_program

    program = find_program(world.python, world.environment.get("PATH"))
    finished = run((program, *arguments), env=dict(world.uv.env), cwd=str(directory), stdin=stdin.encode())
    if finished.status:
        said = finished.stderr.strip().splitlines()
        raise ProjectError(said[-1] if said else f"uv ended with {finished.status}")
    return finished.stdout.decode()


def _touched(path: Path, why: str) -> str:
    with path.open("a", encoding="utf-8") as file:
        file.write("\n# A line that was not here before.\n" if _has_comments(path) else "\n")
    return f"the lockfile was touched, and says what it said: {why}"


def _has_comments(path: Path) -> bool:
    return path.name != "Pipfile.lock"  # which is JSON
