"""The wheel of the project itself.

Its backend runs when its configuration or its list of files changed. When only the contents of modules changed that the
last wheel has as they were, they replace those in it: a backend takes a second to copy a file. A project whose version
its backend works out (from tags, mostly) is built again for each commit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import msgspec

from tare.flow.distributions import BUILD_FORMAT, BuiltWheel, build
from tare.flow.world import World
from tare.oci.digest import Digest, sha256
from tare.projects.project import Project
from tare.stores.cache import key_of
from tare.wheels import archive, patch
from tare.wheels.wheel import Wheel, open_wheel
from tare.wheels.wheel import read as read_wheel

_KIND = "project-wheels"


class _BuildKey(msgspec.Struct, frozen=True, kw_only=True):
    """What the last wheel can be taken for."""

    format: int
    root: str
    configuration: dict[str, Digest]
    """Digests of the files that are not modules, by path."""

    files: tuple[str, ...]
    commit: str
    epoch: int


class _LastWheel(msgspec.Struct, frozen=True, kw_only=True):
    """What the backend made, and which of its members are copies of which modules."""

    wheel: BuiltWheel
    modules: dict[str, Digest]
    """Digests of the modules it was made from, by path."""

    members: dict[str, str]
    """The member of the wheel that is a copy of a module, by the module's path."""


def project_wheel(world: World, project: Project, digests: Mapping[str, Digest]) -> tuple[Wheel, tuple[str, ...]]:
    """Return the project's wheel, and what the person should know about how it came to be.

    *digests* are those of the project's files, by path.
    """
    modules = {path: digest for path, digest in digests.items() if path.endswith(".py") and path != "setup.py"}
    key = key_of(
        _BuildKey(
            format=BUILD_FORMAT,
            root=project.root,
            configuration={path: digest for path, digest in digests.items() if path not in modules},
            files=tuple(sorted(digests)),
            commit="" if project.version else _commit(project.root),
            epoch=world.epoch,
        )
    )
    last = _remembered(world, key)
    if last is not None:
        changed = [path for path, digest in modules.items() if last.modules[path] != digest]
        if all(path in last.members for path in changed):
            return _patched(world, project, last, changed)
    last = _build(world, project, modules)
    world.cache.remember(_KIND, key, msgspec.json.encode(last))
    return _open(world, last.wheel), ()


def _remembered(world: World, key: Digest) -> _LastWheel | None:
    last = world.cache.recall(_KIND, key, _LastWheel)
    return last if last is not None and world.cache.path(last.wheel.digest).exists() else None


def _build(world: World, project: Project, modules: Mapping[str, Digest]) -> _LastWheel:
    from pathlib import Path

    with world.step("build the project"):
        built = build(world, Path(project.root), name=project.name or "the project")
    return _LastWheel(wheel=built, modules=dict(modules), members=_copies(_open(world, built), modules))


def _copies(wheel: Wheel, modules: Mapping[str, Digest]) -> dict[str, str]:
    """Return which member of *wheel* is a copy of which module.

    A copy has the same bytes and the same end of its path, and no other module could be its source.
    """
    contents = {
        member.name: sha256(b"".join(wheel.content(member)))
        for member in wheel.archive.members
        if member.name.endswith(".py")
    }
    found: dict[str, str] = {}
    for path, digest in modules.items():
        names = [name for name, content in contents.items() if content == digest and f"/{path}".endswith(f"/{name}")]
        if names:
            found[path] = max(names, key=len)
    sources = list(found.values())
    return {path: name for path, name in found.items() if sources.count(name) == 1}


def _patched(world: World, project: Project, last: _LastWheel, changed: Sequence[str]) -> tuple[Wheel, tuple[str, ...]]:
    wheel = _open(world, last.wheel)
    if not changed:
        return wheel, ()
    contents = {last.members[path]: _read(project.root, path) for path in changed}
    data = patch.replace(wheel, contents)
    held = archive.read(archive.HeldBytes(data), what=f"`{last.wheel.filename}`")
    names = ", ".join(f"`{path}`" for path in sorted(changed)[:3]) + (" …" if len(changed) > 3 else "")
    note = f"the build backend was not run: only the contents of {names} changed since the last wheel"
    return read_wheel(held, filename=last.wheel.filename, digest=sha256(data)), (note,)


def _open(world: World, built: BuiltWheel) -> Wheel:
    return open_wheel(world.cache.path(built.digest), built.filename, built.digest)


def _read(root: str, path: str) -> bytes:
    with open(f"{root}/{path}", "rb") as file:
        return file.read()


def _commit(root: str) -> str:
    """Return what HEAD of the repository around *root* points to, without starting git."""
    directory = root
    while not os.path.exists(f"{directory}/.git"):
        parent = os.path.dirname(directory)
        if parent == directory:
            return ""
        directory = parent
    try:
        with open(f"{directory}/.git/HEAD", encoding="utf-8") as file:
            head = file.read().strip()
        name = head.removeprefix("ref: ")
        if name == head:
            return head
        with open(f"{directory}/.git/{name}", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        # A packed reference, or a work tree of its own: the backend runs each time that HEAD is not readable here.
        return repr(os.stat(f"{directory}/.git").st_mtime_ns)
