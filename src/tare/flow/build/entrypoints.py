"""What the image runs: found once for the same files, since finding it reads the project's modules."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tare import __version__
from tare.flow.build.prepared import Prepared
from tare.flow.build.project_layer import ProjectPart
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.plan.run_config import WORKDIR
from tare.projects.config import ToolConfig
from tare.projects.frameworks import Entrypoint
from tare.projects.project import Project
from tare.stores.cache import key_of


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    project: Project
    files: tuple[tuple[str, Digest], ...]
    distributions: tuple[str, ...]


def find_entrypoint(world: World, project: Project, prepared: Prepared, part: ProjectPart) -> Entrypoint:
    """Return what to run, and why."""
    key = key_of(_Key(version=__version__, project=project, files=part.digests, distributions=prepared.distributions))
    known = world.cache.recall("entrypoints", key, Entrypoint)
    if known is not None:
        return known
    from tare.projects.entrypoint import find

    found = find(
        _with_scripts(project, part), [path for path, _ in part.digests], _reader(project.root), prepared.distributions
    )
    world.cache.remember("entrypoints", key, msgspec.json.encode(found))
    return found


def _with_scripts(project: Project, part: ProjectPart) -> Project:
    """Return *project* with the scripts of its wheel, where only its backend knows them."""
    if project.scripts or not part.wheels:
        return project
    from tare.wheels.entry_points import console_scripts

    found = {
        name: ":".join(target)
        for wheel in part.wheels.values()
        for name, target in console_scripts(wheel.entry_points, what=wheel.what)
    }
    return msgspec.structs.replace(project, scripts=found)


def with_entrypoint(project: Project, found: Entrypoint) -> ToolConfig:
    """Return the project's configuration with what to run filled in where it does not say it."""
    config = project.config
    if config.entrypoint is None and config.cmd is None:
        config = msgspec.structs.replace(config, entrypoint=found.argv or None)
    if found.port is not None and not config.ports:
        config = msgspec.structs.replace(config, ports=(f"{found.port}/tcp",))
    if found.pythonpath and "PYTHONPATH" not in config.env and not project.has_build_system:
        workdir = config.workdir or WORKDIR
        path = ":".join(f"{workdir}/{directory}".rstrip("/") for directory in found.pythonpath)
        config = msgspec.structs.replace(config, env={**config.env, "PYTHONPATH": path})
    return config


def _reader(root: str) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        with open(f"{root}/{path}", "rb") as file:
            return file.read()

    return read
