"""Build a project on every base with every builder, and measure what came of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tare.bench.comparison import Build, Candidate, Change, Comparison, Facts, Start
from tare.bench.harness import rough
from tare.errors import MachineError, TareError
from tare.flow.bases.named import facts as facts_of
from tare.flow.bases.named import moment
from tare.flow.compare.builders import Builder, Made, builder_of
from tare.flow.compare.changes import add_dependency, add_line, copied, salt
from tare.flow.compare.imports import imported
from tare.flow.compare.start import Inside, measure_start
from tare.flow.dockerfiles.builders import NAMES, builders, choose_builder
from tare.flow.request import Request
from tare.flow.world import World
from tare.measure.sizes import image_sizes
from tare.oci import platform as platforms
from tare.oci.image import Image
from tare.projects.project import Project, read
from tare.stores.names import RegistryName, SuiteName, parse
from tare.stores.open import open_source

if TYPE_CHECKING:
    from tare.bases.facts import BaseFacts
    from tare.engines.interface import Engine


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared."""

    project: str
    """Its path."""
    bases: tuple[str, ...]
    builders: tuple[str, ...]
    """By name; none: tare, and the engine that runs containers."""
    dockerfile: str | None
    """The file that engines build; None: the one that tare writes."""
    platform: str
    rounds: int
    changes: tuple[Change, ...]
    machine: str
    command: str


def compare(world: World, wanted: Wanted, engine: Engine | None, scratch: Path) -> Comparison:
    """Return what came of *wanted*: a candidate for each base and builder, in that order."""
    project = read(wanted.project, memo_directory=world.memo_directory)
    request = Request(base="", platform=platforms.parse(wanted.platform))
    pairs, notes = _pairs(world, wanted, engine)
    bench = _Bench(world, project, engine, request, wanted, pace=_Pace(world.now, len(pairs)))
    return Comparison(
        project=project.name or os.path.basename(project.root),
        made=f"{moment(world.now()):%Y-%m-%d %H:%M} UTC",
        machine=wanted.machine,
        engine=engine.name if engine else "",
        rounds=wanted.rounds,
        candidates=tuple(bench.candidate(base, name, scratch / str(turn)) for turn, (base, name) in enumerate(pairs)),
        notes=notes,
        command=wanted.command,
    )


def _pairs(world: World, wanted: Wanted, engine: Engine | None) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Return every base with every builder, and what is to be known about that.

    Where nobody named builders, these are tare and an engine, if there is one: the one that containers run with, or
    the first that can build. Then a base that no `FROM` can name has tare alone.
    """
    if wanted.builders:
        return [(base, name) for base in wanted.bases for name in wanted.builders], ()
    images = [base for base in wanted.bases if isinstance(parse(base), RegistryName)]
    name, note = _engine_builder(world, engine) if images else (None, "")
    pairs = [
        (base, builder)
        for base in wanted.bases
        for builder in ("tare", name)
        if builder is not None and (builder == "tare" or base in images)
    ]
    return pairs, ((note,) if note else ())


def _engine_builder(world: World, engine: Engine | None) -> tuple[str | None, str]:
    """Return the name of the engine that builds Dockerfiles here, or why there is none."""
    wished = engine.name if engine is not None and engine.name in NAMES else None
    every = tuple(builders(world.environment))
    try:
        return choose_builder(every, wished).name, ""
    except MachineError as error:
        return None, ": ".join((f"No Dockerfile was built: {error.message}", *error.causes))


class _Bench:
    """Builds and measures one candidate after another, under the same conditions."""

    def __init__(
        self, world: World, project: Project, engine: Engine | None, request: Request, wanted: Wanted, *, pace: _Pace
    ) -> None:
        self._world = world
        self._pace = pace
        self._project = project
        self._engine = engine
        self._request = request
        """Of which only the base differs between candidates."""
        self._wanted = wanted
        self._token = os.urandom(8).hex()
        """In every file that is changed, so that no engine has a layer of it from an earlier comparison."""
        self._modules = imported(project)
        self._dockerfile = Path(wanted.dockerfile).absolute() if wanted.dockerfile else None

    def candidate(self, base: str, name: str, scratch: Path) -> Candidate:
        """Return the image on *base* that the builder called *name* makes. What fails is said, and is no end."""
        builds: list[Build] = []
        found = Candidate(base=base, builder=name)
        if name != "tare" and isinstance(parse(base), SuiteName):
            why = f"`{base}` is assembled by tare: there is no image that a Dockerfile could begin with"
            self._pace.none_for()
            return msgspec.structs.replace(found, status="skipped", why=why)
        scratch.mkdir()
        try:
            with contextlib.closing(builder_of(name, scratch, self._world, self._dockerfile)) as builder:
                *_, made = self._builds(base, builder, scratch, builds)
                measured = self._measured(found, made)
        except TareError as error:
            why = ": ".join((error.message, *error.causes))
            return msgspec.structs.replace(found, status="failed", why=why, builds=tuple(builds))
        finally:
            self._pace.one_more()
        return msgspec.structs.replace(measured, builds=tuple(builds))

    def _builds(self, base: str, builder: Builder, scratch: Path, builds: list[Build]) -> Iterator[Made]:
        """Build once for each change, and put down each build in *builds*."""
        directory = copied(self._project, scratch)
        if len(self._wanted.changes) > 1:  # What is built from nothing needs no more.
            salt(directory, self._token)
        for change in self._wanted.changes:
            note = self._change(directory, change)
            with self._world.step(f"{self._pace}: {base}, {builder.name}: {_SAID[change]}"):
                made = builder.build(directory, base, change)
            builds.append(msgspec.structs.replace(made.build, note=note))
            yield made

    def _change(self, directory: Path, change: Change) -> str:
        if change == "dependency":
            return add_dependency(self._world, directory, self._token)
        if change == "line":
            add_line(directory)
        return ""

    def _measured(self, found: Candidate, made: Made) -> Candidate:
        image = open_source(parse(made.image), self._world.surroundings).read(self._request.platform)
        facts = facts_of(self._world, image, msgspec.structs.replace(self._request, base=made.image))
        start, inside = self._start(found, image, facts)
        return msgspec.structs.replace(
            found,
            digest=image.digest,
            reference=made.image,
            sizes=image_sizes(image, what=f"`{found.base}`", shown=made.shown),
            start=start,
            facts=_facts(facts, inside, image),
        )

    def _start(self, found: Candidate, image: Image, facts: BaseFacts) -> tuple[Start | None, Inside | None]:
        if self._engine is None:
            return None, None
        # What PATH finds is what the project runs with, such as a virtual environment's.
        interpreters = ("python", "python3", *((facts.python.executable,) if facts.python else ()))
        with self._world.step(f"{self._pace}: {found.name}: start it"):
            return measure_start(self._engine, image, interpreters, self._modules, self._wanted.rounds)


class _Pace:
    """Which image is made now, and about how long all that are left will take."""

    def __init__(self, now: Callable[[], float], total: int) -> None:
        self._now, self._begun, self._total = now, now(), total
        self._done = 0

    def one_more(self) -> None:
        """Count one that took its time."""
        self._done += 1

    def none_for(self) -> None:
        """Do not count one that takes no time."""
        self._total -= 1

    def __str__(self) -> str:
        left = (self._now() - self._begun) / self._done * (self._total - self._done) if self._done else 0.0
        return f"image {self._done + 1} of {self._total}" + (f", {rough(left)} left" if left else "")


_SAID: Final = {"cold": "build from nothing", "dependency": "a dependency more", "line": "a changed line"}


def _facts(facts: BaseFacts, inside: Inside | None, image: Image) -> Facts:
    python = facts.python
    return Facts(
        python=inside.python if inside else python.version if python else "unknown",
        libc=str(facts.libc or "unknown"),
        pgo=python.pgo if python else None,
        lto=python.lto if python else None,
        bytecode=inside.bytecode if inside else None,
        user=facts.user or "root",
        replica="replica" in (image.config.config.labels or {}),
    )
