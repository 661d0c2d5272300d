"""One member of a workspace of uv as what a Dockerfile is for: its context is the whole workspace."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import msgspec

from tare.dockerfile.generate import merge
from tare.errors import ProjectError
from tare.flow.dockerfiles.wish import NAME, Wish, made_for
from tare.projects import files, workspace
from tare.projects.project import Project
from tare.projects.workspace import Member

_dockerfile = re.compile(r"(?:.*\.)?(?:dockerfile|containerfile)(?:\..*)?", re.IGNORECASE)


def with_package(wish: Wish, path: str) -> Wish:
    """Return *wish* with the member that the file at *path* says it was made for, when it is only looked at."""
    name = os.path.join(path, wish.output)
    if wish.package or not wish.check or not os.path.isfile(name):
        return wish
    return msgspec.structs.replace(wish, package=made_for(merge.split(files.text(name), wish.output)))


def context_root(project: Project, wish: Wish) -> str:
    """Return the directory that a build is given: the whole workspace, when one of its members is meant."""
    return project.workspace or project.root if wish.package else project.root


def check_member(project: Project) -> None:
    """Raise `ProjectError` when *project* is a workspace without a project of its own."""
    if project.lock is None or project.lock.kind != "uv" or project.name is not None or project.script is not None:
        return
    named = ", ".join(f"`{member.name}`" for member in workspace.members(project.lock.path))
    raise ProjectError(
        f"`{os.path.basename(project.root)}` is a workspace, and no project itself",
        causes=(f"its members are {named}",),
        hints=("Name the one that is meant with `--package NAME`",),
    )


def manifests(project: Project) -> tuple[str, ...]:
    """Return the manifests, relative to the lock, without which uv does not take a lock for a fresh one."""
    if project.lock is None or project.lock.kind != "uv":
        return ()
    return tuple(f"{path}/pyproject.toml" for path in workspace.directories(project.lock.path))


def left_out(project: Project, wish: Wish) -> Iterator[str]:
    """Yield patterns for the members that the one that is meant does not need: all but their manifests.

    Only where nothing else can want them: uv may run the build backend of a member whose manifest leaves something open,
    and `.dockerignore` is also for every other Dockerfile of the workspace that has none of its own.
    """
    if not wish.package or project.lock is None or project.lock.kind != "uv":
        return
    root = context_root(project, wish)
    every = workspace.members(project.lock.path, needed_by=wish.package)
    if wish.output == NAME and any(_others_build(root, path) for path in {".", *(each.path for each in every)}):
        return
    for member in every:
        if not member.is_needed and member.path != "." and _is_static(root, member):
            yield f"{member.path}/**"
            yield f"!{member.path}/pyproject.toml"


def _is_static(root: str, member: Member) -> bool:
    """Return whether the manifest of *member* says all that uv wants to know."""
    table = files.toml(os.path.join(root, member.path, "pyproject.toml")).get("project", {})
    return "version" in table and not table.get("dynamic")


def _others_build(root: str, directory: str) -> bool:
    """Return whether *directory* of the workspace has another Dockerfile, without a `.dockerignore` of its own."""
    names = os.listdir(os.path.join(root, directory))
    return any(
        _dockerfile.fullmatch(name) and not name.endswith(".dockerignore") and f"{name}.dockerignore" not in names
        for name in names
        if (directory, name) != (".", NAME)
    )
