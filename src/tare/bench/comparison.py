"""What `tare compare` found: images of one project, by base and by what built them."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from tare.bench.result import Step
from tare.measure.sizes import ImageSizes

SCHEMA: Final = "tare.compare/1"

_ELSEWHERE: Final = ("deb:", "oci:", "docker-archive:", "docker-daemon:")
"""How bases begin that no registry has."""

Change = Literal["cold", "dependency", "line"]
"""What was different from the build before: nothing was known, a dependency more, a line of the project."""


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One build, timed."""

    change: Change
    seconds: float
    steps: tuple[Step, ...] = ()
    note: str = ""
    """What is to be known about it, for example that no dependency could be added."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """How an image starts; each value is one measurement, in seconds."""

    container: tuple[float, ...] = ()
    """A fresh container whose Python does nothing: from its creation to its end."""
    interpreter: tuple[float, ...] = ()
    """Python started inside, doing nothing."""
    imports: tuple[float, ...] = ()
    """The same, importing what the project imports."""
    first: float | None = None
    """The first of `imports`: nothing was in the page cache, no bytecode was written."""
    serving: tuple[float, ...] = ()
    """A fresh container of a service: from its creation to the first byte of an answer. None of what has no port."""
    unserved: str = ""
    """Why a service did not answer, of what has a port."""
    modules: tuple[str, ...] = ()
    """What was imported."""
    memory: int | None = None
    """The largest resident set of a process that imported them, in bytes."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What explains a difference."""

    python: str = "unknown"
    libc: str = "unknown"
    pgo: bool | None = None
    """Whether the interpreter was built with a profile; None where it does not say."""
    lto: bool | None = None
    bytecode: bool | None = None
    """Whether the modules that were imported had their bytecode beside them."""
    user: str = ""
    replica: bool = False
    """Whether the base is a replica of an official image, made from the distribution's packages."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One image of the comparison, or why there is none."""

    base: str
    """As it was named."""
    builder: str
    """`tare`, or the engine that built the Dockerfile."""
    status: Literal["ok", "failed", "skipped"] = "ok"
    why: str = ""
    """What went wrong, or what was left out."""
    digest: str = ""
    reference: str = ""
    """Where the image is now."""
    sizes: ImageSizes | None = None
    builds: tuple[Build, ...] = ()
    start: Start | None = None
    facts: Facts = Facts()

    @property
    def name(self) -> str:
        """Return what it is called in tables and plots: its base without the registry, and a star for a replica."""
        of_registry = not self.base.startswith(_ELSEWHERE)
        short = self.base.removeprefix("docker://").rpartition("/")[2] if of_registry else self.base
        return f"{short}{'*' if self.facts.replica else ''}, {self.builder}"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, and where they were measured."""

    schema: str = SCHEMA
    project: str
    made: str
    """When, in UTC."""
    machine: str
    engine: str
    """What built Dockerfiles and ran containers, with its version."""
    rounds: int
    """How often each start was measured."""
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()
    command: str
    """What makes it again."""
