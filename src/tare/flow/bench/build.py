"""The `build` workload: how long an image takes to build from nothing, with a dependency more, with a changed line.

What is there before a build of nothing is the base and the downloads, for tare as for an engine: what a mirror is doing
at the moment is no property of an image. Each turn builds files that no turn before has built, so that no cache answers
for them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tare.bench.comparison import Change
from tare.bench.places import Place
from tare.bench.workload import Measured, Workload
from tare.errors import MachineError, TareError, UsageError
from tare.flow.compare.builders import Builder, Made, builder_of
from tare.flow.compare.changes import add_dependency, add_line, copied, lock_text, salt
from tare.flow.dockerfiles.builders import builders, choose_builder
from tare.flow.world import World
from tare.projects.project import Project, read
from tare.stores.names import RegistryName, parse

SAID: Final[Mapping[Change, str]] = {
    "cold": "from nothing",
    "dependency": "a dependency more",
    "line": "a changed line",
}
"""The cases, in the order in which they are built."""
OF_BASES: Final = frozenset(
    ("assembled", "base-layers", "default-base", "facts", "names", "packages", "pins", "suites"),
)
"""Kinds of memo in tare's cache that are about bases. All others follow from a project or its wheels."""


class BuildWorkload(Workload):
    """Builds one project on each candidate, with tare and with an engine that has a Dockerfile."""

    name = "build"

    def __init__(
        self,
        world: World,
        project: Path,
        bases: Mapping[str, str],
        names: Sequence[str],
        scratch: Path,
        *,
        make: Callable[[str, Path], Builder] | None = None,
    ) -> None:
        self._world = world
        self._make = make or (lambda name, home: builder_of(name, home, world, None, saved=False))
        """Gives a builder by its name and the directory that is its own."""
        self._project: Project = read(str(project))
        self._bases = bases
        """By candidate; a control has its baseline's."""
        self._names = names
        """Of builders."""
        self._scratch = scratch
        self._salt = os.urandom(16).hex()
        """An engine has the layers of earlier runs, too, and of one that was killed: their seeds are the same."""
        self._builders: dict[tuple[str, str], Builder] = {}
        told = (project / "pyproject.toml").read_bytes() if (project / "pyproject.toml").is_file() else b""
        known = [hashlib.sha256(each).hexdigest() for each in (told, lock_text(self._project).encode())]
        self.identity = " ".join((*known, *names))
        """What two runs have in common whose builds can be compared."""

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        """Build three times with each builder."""
        return [each for name in self._names for each in self._built(candidate, name, round_seed)]

    def close(self) -> None:
        """Remove what builders hold."""
        for builder in self._builders.values():
            with contextlib.suppress(TareError):
                builder.close()

    def _built(self, candidate: str, name: str, round_seed: str) -> list[Measured]:
        base = self._bases[candidate]
        why = _unbuildable(base, name)
        if why is not None:
            return [Measured(case=f"{name}: {said}", status="unsupported", note=why) for said in SAID.values()]
        found: list[Measured] = []
        try:
            builder = self._builder(candidate, name)
            token = hashlib.sha256(f"{self._salt}:{round_seed}:{candidate}:{name}".encode()).hexdigest()[:16]
            for change, made, note in self._series(builder, base, self._home(candidate, name), token):
                found.append(_measured(f"{name}: {SAID[change]}", made, note))
        except TareError as error:
            note = "; ".join((error.message, *error.causes))[:500]
            done = {each.case for each in found}
            cases = (f"{name}: {said}" for said in SAID.values())
            found += [Measured(case=case, status="failed", note=note) for case in cases if case not in done]
        return found

    def _home(self, candidate: str, name: str) -> Path:
        return self._scratch / hashlib.sha256(f"{candidate}:{name}".encode()).hexdigest()[:16]

    def _builder(self, candidate: str, name: str) -> Builder:
        """Return the candidate's builder; a new one has built everything once, so that the downloads are there."""
        known = self._builders.get((candidate, name))
        if known is not None:
            return known
        home = self._home(candidate, name)
        home.mkdir(parents=True)
        builder = self._make(name, home)
        self._builders[candidate, name] = builder
        for _ in self._series(builder, self._bases[candidate], home, "downloads"):
            pass
        return builder

    def _series(self, builder: Builder, base: str, home: Path, token: str) -> Iterator[tuple[Change, Made, str]]:
        shutil.rmtree(home / "project", ignore_errors=True)
        directory = copied(self._project, home)
        salt(directory, token)
        forget_project(home / "cache")
        for change in SAID:
            note = add_dependency(self._world, directory, token) if change == "dependency" else ""
            if change == "line":
                add_line(directory)
            yield change, builder.build(directory, base, change), note


def _unbuildable(base: str, name: str) -> str | None:
    """Return why *name* cannot build on *base*, or None."""
    if not base:
        return "an interpreter of this machine is no base to build on"
    if name != "tare" and not _pullable(base):
        return f"`{base}` is no name that a Dockerfile could begin with"
    return None


def _pullable(base: str) -> bool:
    return isinstance(parse(base), RegistryName)


def _measured(case: str, made: Made, note: str) -> Measured:
    steps = {
        f"step ({each.kind}): {each.name}"[:120]: each.end - each.start
        for each in made.build.steps
        if each.end > each.start
    }
    seconds = made.build.seconds
    return Measured(case=case, value=seconds, values=(seconds,), note=note or None, extra=steps)


def forget_project(cache: Path) -> None:
    """Remove from tare's cache what was computed of projects: layers, and every memo of a project or a wheel."""
    for memo in (cache / "memo" / "layers").glob("*"):
        digest = msgspec.json.decode(memo.read_bytes())["descriptor"]["digest"]
        (cache / "blobs" / "sha256" / digest.removeprefix("sha256:")).unlink(missing_ok=True)
    for kind in (cache / "memo").glob("*"):
        if kind.name not in OF_BASES:
            shutil.rmtree(kind)


def builder_names(world: World, asked: Sequence[str], engine: str | None) -> tuple[str, ...]:
    """Return which builders take part: those that were asked for, or tare and the engine that is there."""
    if asked:
        return tuple(dict.fromkeys(asked))
    every = tuple(builders(world.environment))
    name = engine if engine in {"docker", "podman"} else None
    try:
        return ("tare", choose_builder(every, name).name)
    except MachineError as error:
        world.reporter.note(f"only tare builds: {'; '.join(error.causes) or error.message}")
        return ("tare",)


def project_of(path: str | None, default: Path) -> Path:
    """Return the project to build; raises `UsageError` when the one that was named has no directory."""
    if path is None:
        return default
    if not Path(path).is_dir():
        raise UsageError(f"there is no project in `{path}`", hints=("Name a directory with `--project`",))
    return Path(path)
