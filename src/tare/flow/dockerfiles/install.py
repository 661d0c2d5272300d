"""What a generated Dockerfile installs, by which tool, and from which files."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator

import msgspec

from tare.dockerfile.generate.needs import in_project
from tare.dockerfile.generate.recipe import Base, Install, LeftOut, Pinned
from tare.dockerfile.generate.tables import Tool, image_platforms, tool_for, version_variables
from tare.errors import ProjectError, TargetError, UsageError
from tare.flow.dockerfiles.base import for_a_base, pinned, target_of
from tare.flow.dockerfiles.member import context_root, manifests
from tare.flow.dockerfiles.wish import Wish, platforms_of
from tare.flow.world import World
from tare.projects import files
from tare.projects.locked import Locked, LockedDirectory
from tare.projects.locks import indexes, requirements_file
from tare.projects.locks.requirements_file import Contents, Entry
from tare.projects.names import normalize
from tare.projects.project import Project
from tare.projects.resolve import Selection, locked_each
from tare.wheels.target import Target


def selection_of(world: World, project: Project, base: Base, wish: Wish) -> Selection:
    """Return what is installed: of several platforms, all that one of them takes."""
    known = targets_of(project, base, wish)
    if not known:
        raise ProjectError(
            f"the name `{base.reference}` does not say which wheels it takes",
            causes=("it names no series of CPython, or no suite",),
            hints=("Name a tag like `python:3.13-slim-trixie`, or a copy of it with the same name",),
        )
    if project.lock is not None and project.lock.kind in {"pyproject", "script"} and project.has_dependencies:
        tool_for(project.lock.kind, locker=_locker(project))  # which says that there is no lock
    if not project.has_dependencies and project.lock is not None and project.lock.kind == "pyproject":
        return Selection(locked=(), origin="", pinned=True, hashed=True)
    try:
        found = locked_each(project, known, world.uv, extras=wish.extras, groups=wish.groups)
    except TargetError as error:
        raise for_a_base(error) from error
    return msgspec.structs.replace(
        found[0],
        locked=_once(each for selection in found for each in selection.locked),
        hashed=all(selection.hashed for selection in found),
        warnings=tuple(dict.fromkeys(warning for selection in found for warning in selection.warnings)),
    )


def targets_of(project: Project, base: Base, wish: Wish) -> tuple[Target, ...]:
    """Return what wheels the base takes on each platform; nothing where its name does not say."""
    found = (target_of(base.reference, platform) for platform in platforms_of(wish, project.config))
    return tuple(target for target in found if target is not None)


def _slimmed(world: World, project: Project, base: Base, wish: Wish) -> LeftOut | None:
    from tare.flow.dockerfiles.slimming import left_out

    targets = targets_of(project, base, wish)
    selections = locked_each(project, targets, world.uv, extras=wish.extras, groups=wish.groups)
    return left_out(world, project, zip(targets, selections, strict=True))


def _once(every: Iterable[Locked]) -> tuple[Locked, ...]:
    found: list[Locked] = []
    for each in every:
        if each not in found:
            found.append(each)
    return tuple(found)


def install_of(
    world: World, project: Project, wish: Wish, selection: Selection, *, base: Base, image: Pinned | None
) -> Install | None:
    """Return how the environment is made; None when nothing is to be installed.

    *image* is what the file that is there copies its tool from.
    """
    if not selection.locked and not project.has_build_system:
        return None
    is_locked = project.lock is not None and (bool(selection.locked) or project.lock.kind != "pyproject")
    kind = project.lock.kind if project.lock is not None and is_locked else "requirements"
    tool = tool_for(kind, wish.tool, _locker(project))
    root = context_root(project, wish)
    lock = os.path.relpath(project.lock.path, root) if project.lock is not None and is_locked else ""
    if lock.startswith(".."):
        raise _is_outside(project, lock)
    local = in_project(selection.locked, root)
    _check_directories(selection.locked, local, root)
    requirements = (
        requirements_file.parse(project.lock.path, world.environment)
        if kind == "requirements" and project.lock is not None and is_locked
        else Contents()
    )
    is_itself = any(_is_itself(project, entry) for entry in requirements.entries)
    return Install(
        tool=tool,
        image=tool_image(world, project, tool, wish, image),
        slim=_slimmed(world, project, base, wish) if wish.slim and selection.locked else None,
        lock=lock,
        files=tuple(_read_by(tool, root, lock, requirements)) if lock else (),
        hashed=selection.hashed,
        options=tuple(_options(tool, lock, wish)),
        project=project.has_build_system,
        version=_version_argument(project),
        local=is_itself or bool(local) or (kind == "uv" and bool(manifests(project))),
        sources_first=is_itself or not is_apart(tool, local),
        links=() if not tool.links else tuple(_links(local, root)),
        netrc=any(index.name != "pypi" for index in indexes.of_project(project, world.environment)),
    )


def _is_outside(project: Project, lock: str) -> ProjectError:
    named = f", and this project with `--package {project.name}`" if project.workspace and project.name else ""
    return ProjectError(
        "the lock lies outside the project",
        causes=(f"`{lock}` cannot be in the build's context",),
        hints=(f"Name the workspace's directory as the project{named}",),
    )


def _check_directories(locked: Iterable[Locked], local: Iterable[Locked], root: str) -> None:
    """Raise `ProjectError` for a directory that is installed and not in the context; archives elsewhere are a wheelhouse."""
    inside = tuple(local)
    for each in locked:
        if isinstance(each, LockedDirectory) and each not in inside:
            path = os.path.relpath(each.path, root).replace(os.sep, "/")
            raise ProjectError(
                f"`{each.name}` lies outside the project",
                causes=(f"`{path}` cannot be in the build's context",),
                hints=(
                    "Make both members of a workspace of uv, and name this one with `--package`",
                    "`tare build`, which needs no context, takes it from where it is",
                ),
            )


def tool_image(world: World, project: Project, tool: Tool, wish: Wish, known: Pinned | None) -> Pinned | None:
    """Return the image that has uv, to be *tool* or to install it; None when pip does."""
    named = wish.tool_from or tool.image
    if named == "index" or tool.image is None or named is None:
        return None
    if wish.tool_from is None and not image_platforms().issuperset(map(str, platforms_of(wish, project.config))):
        return None
    return pinned(world, named, None if wish.pull else known, ask=not wish.check and not world.offline)


def _locker(project: Project) -> str:
    """Return the tool that the manifest is written for, as its tables say."""
    if project.is_unlocked_pipfile:
        return "pipenv"
    is_toml = project.manifest is not None and project.manifest.endswith(".toml")
    tables = files.toml(project.manifest).get("tool", {}) if is_toml and project.manifest else {}
    return next((name for name in ("poetry", "pdm") if name in tables), "uv")


def _options(tool: Tool, lock: str, wish: Wish) -> Iterator[str]:
    """Yield the options of *tool* that add what *wish* names, or raise `UsageError` when it has none for it."""
    if wish.package:
        yield f"--package {shlex.quote(wish.package)}"
    for kind, option, names in (("extra", tool.extra, wish.extras), ("group", tool.group, wish.groups)):
        for name in names:
            if not option:
                raise UsageError(
                    f"`{tool.name}` cannot add `--{kind} {name}` to what it installs from `{lock}`",
                    hints=(f"Make a lock that has it, and leave out `--{kind}`",),
                )
            yield option.format(name=shlex.quote(name))


def is_apart(tool: Tool, local: Iterable[Locked]) -> bool:
    """Return whether *tool* can install the rest without *local*, which lies in the project."""
    return all(tool.apart and (tool.archives_apart or isinstance(each, LockedDirectory)) for each in local)


def _links(local: Iterable[Locked], root: str) -> Iterator[str]:
    """Yield the paths, relative to *root*, of what is installed as a link to its source: all tools but uv make them."""
    for each in local:
        if isinstance(each, LockedDirectory) and each.editable:
            yield os.path.relpath(each.path, root).replace(os.sep, "/")


def _version_argument(project: Project) -> str | None:
    """Return what a build has to be told, when a plugin of the build backend asks version control for the version."""
    if not project.has_build_system or project.version is not None or project.manifest is None:
        return None
    table = files.toml(project.manifest).get("build-system", {}).get("requires", ())
    names = (re.match(r"[\w.-]*", str(each)) for each in table)
    known = version_variables()
    return next((known[name] for match in names if match and (name := normalize(match[0])) in known), None)


def _read_by(tool: Tool, root: str, lock: str, requirements: Contents) -> list[str]:
    """Return the files that the tool reads, the lock first."""
    there = [name for name in tool.optional if os.path.isfile(os.path.join(root, name))]
    included = [os.path.relpath(path, root).replace(os.sep, "/") for path in requirements.paths]
    return list(dict.fromkeys((lock, *tool.files, *there, *included)))


def _is_itself(project: Project, entry: Entry) -> bool:
    """Return whether a line of the requirements is the project: `-e .`, which needs its sources."""
    bare = re.split(r"[\[#]", entry.reference or "")[0].strip()
    return (
        bool(bare)
        and "://" not in bare
        and os.path.realpath(os.path.join(project.root, bare)) == os.path.realpath(project.root)
    )
