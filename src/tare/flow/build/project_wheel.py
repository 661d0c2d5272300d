"""The wheel of the project itself.

Its backend runs, on a copy of the project, when its configuration or its list of files changed. When only the contents of
modules changed that the last wheel has as they were, they replace those in it: a backend takes a second to copy a file.
A project whose version its backend works out is built again whenever anything changed: the version may be in a module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tare.flow.build.distributions import BUILD_FORMAT, BuiltWheel, build, is_there, refuse_foreign
from tare.flow.build.trees import SourceFile, copied, listing, revision
from tare.flow.world import World
from tare.oci.digest import Digest, sha256
from tare.projects.project import Project
from tare.stores.cache import key_of
from tare.wheels import archive, patch
from tare.wheels.random_access import HeldBytes
from tare.wheels.target import Target
from tare.wheels.wheel import Wheel, open_wheel
from tare.wheels.wheel import read as read_wheel

_KIND = "project-wheels"


class _BuildKey(msgspec.Struct, frozen=True, kw_only=True):
    """What the last wheel can be taken for."""

    format: int
    root: str
    series: tuple[int, int]
    configuration: dict[str, SourceFile]
    """The files that have to be as they were, by path."""

    modules: tuple[tuple[str, bool], ...]
    """The modules whose contents may differ, and whether they can be executed."""

    revision: str
    """How git describes the commit, where the version may follow from it."""

    epoch: int


class _LastWheel(msgspec.Struct, frozen=True, kw_only=True):
    """What the backend made, and which of its members are copies of which modules."""

    wheel: BuiltWheel
    modules: dict[str, Digest]
    """Digests of the modules it was made from, by path."""

    members: dict[str, str]
    """The member of the wheel that is a copy of a module, by the module's path."""


def project_wheel(world: World, project: Project, target: Target) -> tuple[Wheel, tuple[str, ...]]:
    """Return the project's wheel, and what the person should know about how it came to be."""
    files = listing(project.root)
    # Where the version is not written down, any module may be what it is read from.
    may_change = {path for path in files if path.endswith(".py") and path != "setup.py"} if project.version else set()
    key = key_of(
        _BuildKey(
            format=BUILD_FORMAT,
            root=project.root,
            series=target.series,
            configuration={path: file for path, file in files.items() if path not in may_change},
            modules=tuple((path, files[path].executable) for path in sorted(may_change)),
            revision="" if project.version else revision(project.root, world.environment),
            epoch=world.epoch,
        )
    )
    last = world.cache.recall(_KIND, key, _LastWheel)
    if last is not None and is_there(world.cache.path(last.wheel.digest), last.wheel.size):
        changed = [path for path, digest in last.modules.items() if files[path].digest != digest]
        if all(path in last.members for path in changed):
            return _patched(world, project, last, changed)
    last = _build(world, project, target, {path: files[path].digest for path in sorted(may_change)})
    world.cache.remember(_KIND, key, msgspec.json.encode(last))
    return _open(world, last.wheel), ()


def _build(world: World, project: Project, target: Target, modules: Mapping[str, Digest]) -> _LastWheel:
    name = project.name or "the project"
    with world.step("build the project"), world.cache.scratch() as scratch:
        built = build(world, copied(project.root, scratch))
    refuse_foreign(built, target, name=name)
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
    held = archive.read(HeldBytes(data), what=f"`{last.wheel.filename}`")
    names = ", ".join(f"`{path}`" for path in sorted(changed)[:3]) + (" …" if len(changed) > 3 else "")
    note = f"the build backend was not run: only the contents of {names} changed since the last wheel"
    return read_wheel(held, filename=last.wheel.filename, digest=sha256(data)), (note,)


def _open(world: World, built: BuiltWheel) -> Wheel:
    return open_wheel(world.cache.path(built.digest), built.filename, built.digest)


def _read(root: str, path: str) -> bytes:
    with open(f"{root}/{path}", "rb") as file:
        return file.read()
