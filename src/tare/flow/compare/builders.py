"""What builds an image of a project: `tare build` as a person runs it, or an engine with a Dockerfile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from tare.bench.comparison import Build, Change
from tare.bench.result import Step
from tare.engines import building
from tare.engines.steps import Step as EngineStep
from tare.errors import MachineError, UsageError
from tare.flow.dockerfiles.builders import NAMES, builders, choose_builder
from tare.flow.dockerfiles.document import Document
from tare.flow.dockerfiles.wish import Wish
from tare.flow.dockerfiles.write import make_dockerfile
from tare.flow.world import World
from tare.projects.project import Project, read

_KINDS: Final = {
    "resolve the suite": "base",
    "assemble the base": "base",
    "read the base": "base",
    "read the lock": "resolve",
    "plan": "resolve",
    "fetch wheels": "fetch",
    "look for shared libraries": "resolve",
    "read shared libraries": "resolve",
    "compile modules": "install",
    "measure the start": "install",
    "write layers": "install",
    "the project": "project",
    "write the image": "export",
    "share the cache": "export",
}
"""What the steps of `tare build` are for."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was built."""

    build: Build
    image: str
    """Its name, as `tare weigh` and `tare run` take it."""
    shown: int | None = None
    """What the engine's list of images has for it, in bytes; None when no engine holds it."""


class Builder(Protocol):
    """Builds images of one project on one base, again and again."""

    @property
    def name(self) -> str:
        """`tare`, or an engine's name."""
        ...

    def build(self, project: Path, base: str, change: Change) -> Made:
        """Build the project as it is now; *change* says what was changed since the last time, or that all is new."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


def builder_of(name: str, scratch: Path, world: World, dockerfile: Path | None, *, saved: bool = True) -> Builder:
    """Return the builder called *name*, which works in *scratch*; an engine's image stays there unless *saved*."""
    if name == "tare":
        return Tare(scratch, environment=world.environment, options=_options(world))
    if name not in NAMES:
        raise UsageError(f"there is no builder `{name}`", hints=(f"Choose one of tare, {', '.join(NAMES)}",))
    engine = choose_builder(tuple(builders(world.environment)), name)
    return Engine(engine, scratch, world, dockerfile, saved=saved)


class Tare:
    """Runs `tare build` with a cache of its own, which is empty at first."""

    name = "tare"

    def __init__(self, scratch: Path, *, environment: Mapping[str, str], options: tuple[str, ...] = ()) -> None:
        self._scratch = scratch
        self._environment = {**environment, "UV_CACHE_DIR": str(scratch / "uv")}
        self._options = options

    def build(self, project: Path, base: str, change: Change) -> Made:
        """Build with a fresh process, and read what its document says."""
        output = f"oci:{self._scratch / 'image'}"
        command = [
            sys.executable, "-m", "tare", "build", str(project), "--base", base, "-o", output, "--json",
            "--cache-dir", str(self._scratch / "cache"), *self._options,
        ]  # fmt: skip
        started = time.monotonic()
        finished = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if finished.returncode:
            said = finished.stderr.replace("error: ", "").replace("caused by: ", "")
            raise MachineError("`tare build` failed", causes=tuple(line.strip() for line in said.splitlines()[-6:]))
        document: dict[str, Any] = msgspec.json.decode(finished.stdout)
        steps = ((name, _KINDS.get(name, "resolve"), length, False) for name, length in document["seconds"].items())
        begun = max(seconds - sum(document["seconds"].values()), 0.0)
        return Made(
            build=Build(change=change, seconds=seconds, steps=_in_turn([("start", "start", begun, False), *steps])),
            image=output,
        )

    def close(self) -> None:
        """Do nothing: all is in the scratch directory."""


class Engine:
    """Builds a Dockerfile with an engine, and takes the image out of it."""

    def __init__(
        self, engine: building.Builder, scratch: Path, world: World, dockerfile: Path | None, *, saved: bool
    ) -> None:
        self._engine = engine
        self._scratch = scratch
        self._world = world
        self._dockerfile = dockerfile
        """The person's own; None for the one that is generated."""
        self._saved = saved
        self._tag = f"localhost/tare-compare:{os.urandom(6).hex()}"

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    def build(self, project: Path, base: str, change: Change) -> Made:
        """Build with the engine's cache, or without it when all is to be new."""
        image = base.removeprefix("docker://")
        bundle = self._world.environment.get("SSL_CERT_FILE")
        options = building.BuildOptions(
            dockerfile=self._dockerfile or self._generated(project, image, certificates=bundle is not None),
            tag=self._tag,
            build_args={"BASE": image},
            secrets={"certificates": Path(bundle)} if bundle else {},
            host_network=True,
            cache=change != "cold",
            insecure=self._world.unverified(image),
        )
        built = self._engine.build(project, options)
        archive = self._scratch / "image.tar"
        if self._saved:
            archive.unlink(missing_ok=True)
            self._engine.save(built.reference, archive)
        steps = _in_turn((each.name, kind_of(each), each.seconds or 0.0, each.cached) for each in built.steps)
        return Made(
            build=Build(change=change, seconds=built.seconds, steps=steps),
            image=f"docker-archive:{archive}" if self._saved else built.reference,
            shown=self._engine.shown(built.reference),
        )

    def close(self) -> None:
        """Forget the image."""
        self._engine.remove(self._tag)

    def _generated(self, project: Path, base: str, *, certificates: bool) -> Path:
        """Write what `tare dockerfile` would write, as it is for the project now, and return the Dockerfile's path."""
        wish = Wish(base=base, certificates=certificates, output="Dockerfile.tare-compare")
        for each in generated(self._world, read(project), wish):
            (project / each.path).write_text(each.new, encoding="utf-8")
        return project / wish.output


def generated(world: World, project: Project, wish: Wish) -> tuple[Document, ...]:
    """Return what `tare dockerfile` would write. Where no registry has uv's image, no engine gets it: then pip installs uv."""
    written = make_dockerfile(world, project, wish)
    install = written.recipe.install
    if install is not None and install.image is not None and install.image.digest is None:
        written = make_dockerfile(world, project, msgspec.structs.replace(wish, tool_from="index"))
    return written.documents


_OF_INSTRUCTIONS: Final = {"from": "base", "run": "install", "copy": "project", "add": "project", "commit": "export"}
_OF_THE_ENGINE: Final = {
    "from ": "base", "[internal] load metadata": "base", "[internal] load build": "fetch", "exporting": "export",
    "commit": "export",
}  # fmt: skip
"""What an engine does by itself, as its steps begin: `FROM` of an image that is only copied from, or mounted."""


def kind_of(step: EngineStep) -> str:
    """Return what a step of a Dockerfile is for, by its first word; what is copied from a stage was installed there.

    >>> kind_of(EngineStep(name="[stage-0 3/5] RUN --mount=type=bind,from=uv,target=/opt uv sync"))
    'install'
    """
    instruction = (step.instruction or "").lower()
    if instruction:
        keyword = instruction.split()[0]
        is_moved = keyword == "copy" and "--from=" in instruction
        return "install" if is_moved else _OF_INSTRUCTIONS.get(keyword, "resolve")
    text = step.name.lower()
    return next((kind for start, kind in _OF_THE_ENGINE.items() if text.startswith(start)), "resolve")


def _in_turn(steps: Iterable[tuple[str, str, float, bool]]) -> tuple[Step, ...]:
    """Return steps one after another. BuildKit's stages run beside each other: their sum may be more than the build."""
    at = 0.0
    found = []
    for name, kind, length, cached in steps:
        found.append(Step(name=name, kind=kind, start=at, end=at + length, cached=cached))
        at += length
    return tuple(found)


def _options(world: World) -> tuple[str, ...]:
    """Return the options that say where things come from, as they were given to the comparison."""
    return (
        *(("--offline",) if world.offline else ()),
        *(word for place in world.find_links for word in ("--find-links", place)),
        *(word for host in world.insecure for word in ("--insecure-registry", host)),
        *(word for mirror in world.mirrors for word in ("--mirror", mirror)),
        "--threads",
        str(world.threads),
    )
