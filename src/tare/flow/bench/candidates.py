"""Candidates of a benchmark: bases and images that were named, resolved, and made ready to run in."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from tare import __version__
from tare.bench.doctor import Vitals
from tare.bench.places import HostPlace, ImagePlace, Job, Place
from tare.bench.result import Candidate, Facts, Machine
from tare.engines.interface import Engine
from tare.errors import MachineError, TargetError, UsageError
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.image import Image
from tare.oci.platform import Platform
from tare.stores.names import RegistryName, parse

CONTROL: Final = " (A/A)"
"""What is added to the baseline's name for its second self."""
EngineName = Literal["docker", "podman", "chroot", "host"]


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate and where its programs run."""

    candidate: Candidate
    place: Place
    image: Image | None


def names_of(references: Sequence[str]) -> dict[str, str]:
    """Return what was named, by a short name: `NAME=REFERENCE`, or what tells one reference from the others."""
    found: dict[str, str] = {}
    for text in references:
        name, equals, reference = text.partition("=")
        if not equals or "/" in name or ":" in name:
            name, reference = _short(text), text
        if name in found:
            raise UsageError(
                f"two candidates are called `{name}`",
                causes=(f"`{found[name]}` and `{reference}`",),
                hints=("Give them names: `NAME=REFERENCE`",),
            )
        found[name] = reference
    return found


def _short(reference: str) -> str:
    """Return a tag without its repository, an interpreter without its directory.

    >>> _short("127.0.0.1:5000/library/python:3.13-slim")
    '3.13-slim'
    >>> _short("/usr/bin/python3.13")
    'python3.13'
    >>> _short("deb:trixie")
    'deb:trixie'
    """
    if re.match(r"(deb|docker-daemon|docker-archive):", reference):
        return reference
    if reference.startswith("oci:"):
        return reference.removeprefix("oci:").rstrip("/").rpartition("/")[2]
    last = reference.rpartition("/")[2]
    return last.rpartition(":")[2] if ":" in last else last


def prepare(
    world: World,
    names: Mapping[str, str],
    *,
    engine: Engine | None,
    platform: Platform,
    environments: Mapping[str, dict[str, str]],
    projects: Sequence[Path] = (),
    driver: str | None = None,
) -> Iterator[Ready]:
    """Yield the candidates of *names*; without an *engine* they are interpreters of this machine.

    Images get what the first of *projects* locks that has wheels for them, installed by `tare build`. With a *driver* they
    are asked what they know of it.
    """
    for name, reference in names.items():
        environment = environments.get(name, {})
        try:
            if engine is None:
                yield _host(name, reference, environment, world, driver)
            else:
                yield _image(
                    name, reference, world, engine=engine, platform=platform, environment=environment, projects=projects,
                    driver=driver,
                )  # fmt: skip
        except MachineError as error:
            if not environment:
                raise
            world.reporter.note(f"`{name}` is left out: {'; '.join(error.causes) or error.message}")


def _host(name: str, reference: str, environment: dict[str, str], world: World, driver: str | None) -> Ready:
    python = shutil.which(reference, path=world.environment.get("PATH", os.defpath))
    if python is None:
        raise UsageError(
            f"there is no interpreter `{reference}` on this machine",
            hints=("Name programs such as `python3.13`, or run images with `--engine chroot`",),
        )
    place = HostPlace(os.path.abspath(python), environment=environment)
    facts = read_facts(place, name, driver)
    candidate = Candidate(name=name, reference=reference, environment=environment, facts=facts)
    return Ready(candidate=candidate, place=place, image=None)


def _image(
    name: str,
    reference: str,
    world: World,
    *,
    engine: Engine,
    platform: Platform,
    environment: dict[str, str],
    projects: Sequence[Path],
    driver: str | None,
) -> Ready:
    from tare.flow.bases.named import resolve
    from tare.measure.sizes import image_sizes

    with world.step(f"get {reference}"):
        request = Request(base=reference, platform=platform)
        if isinstance(parse(reference), RegistryName) and not world.offline:
            # What a tag stood for when something was built on it last is not what it is to be measured of.
            request = msgspec.structs.replace(request, pull=True)
        base = resolve(world, request)
    image = _built(world, name, projects, request) if projects else base.image
    with world.step(f"weigh {reference}"):
        sizes = image_sizes(image, what=f"`{reference}`")
    place = ImagePlace(engine, image, environment=environment)
    # Debian's `configure` does not say what its rules do; the catalogue knows.
    known = base.facts.python
    facts = read_facts(place, name, driver)
    if known is not None:
        facts = msgspec.structs.replace(facts, pgo=known.pgo, lto=known.lto)
    candidate = Candidate(
        name=name,
        reference=reference,
        digest=image.digest,
        platform=str(image.platform),
        replica=(image.config.config.labels or {}).get("replica"),
        environment=environment,
        facts=facts,
        sizes=sizes,
    )
    return Ready(candidate=candidate, place=place, image=image)


def _built(world: World, name: str, projects: Sequence[Path], request: Request) -> Image:
    """Return *request*'s base with the first of *projects* that it can have: what the others add, it is measured without."""
    for project in projects[:-1]:
        try:
            return _with(world, project, request)
        except TargetError as error:
            world.reporter.note(f"`{name}` is measured without it: {error.message}")
    return _with(world, projects[-1], request)


def _with(world: World, project: Path, request: Request) -> Image:
    from tare.flow.build.build import build
    from tare.projects.project import read

    with world.step(f"build on {request.base}"):
        found = read(str(project), memo_directory=world.memo_directory)
        wish = found.config.bytecode or "none"
        return build(world, found, msgspec.structs.replace(request, bytecode=wish)).image


def read_facts(place: Place, name: str, driver: str | None = None) -> Facts:
    """Return what the candidate says of itself, and of a *driver* that it has."""
    command = ("work_facts.py",) if driver is None else ("work_facts.py", driver)
    outcome = place.run(Job(command=command, timeout=120))
    lines = outcome.stdout.splitlines()
    try:
        return msgspec.json.decode(lines[-1] if lines else b"", type=Facts)
    except msgspec.DecodeError:
        said = outcome.stderr.strip().splitlines()[-1:] or (f"exit code {outcome.code}",)
        raise MachineError(
            f"`{name}` cannot run a Python program", causes=tuple(said), hints=("An image needs `python3` on its PATH",)
        ) from None


def changed(ready: Ready, image: str | None) -> Ready:
    """Return a candidate that is another one's image with one thing changed, if there is an *image*."""
    return msgspec.structs.replace(ready, candidate=msgspec.structs.replace(ready.candidate, ablation_of=image))


def control_of(ready: Ready) -> Ready:
    """Return the baseline's second self: the same image under another name, whose difference is noise."""
    name = ready.candidate.name
    candidate = msgspec.structs.replace(ready.candidate, name=name + CONTROL, control=name)
    return msgspec.structs.replace(ready, candidate=candidate)


@contextlib.contextmanager
def held(engine: Engine | None, ready: Sequence[Ready]) -> Iterator[None]:
    """Keep the images in the engine as long as the benchmark runs."""
    with contextlib.ExitStack() as stack:
        for each in ready:
            if engine is not None and each.image is not None and each.candidate.control is None:
                stack.enter_context(engine.held(each.image))
        yield


def machine(vitals: Vitals, *, name: str, engine: str, warnings: Sequence[str]) -> Machine:
    """Return this machine as results have it."""
    system = os.uname()
    return Machine(
        name=name,
        system=f"{system.sysname} {system.release}",
        processor=vitals.processor,
        cores=vitals.cores,
        memory=vitals.total_memory,
        engine=engine,
        cgroup=vitals.cgroup,
        load=vitals.load,
        warnings=tuple(warnings),
    )


def version() -> str:
    """Return the version of tare that results name."""
    return __version__


def default_results(now: float) -> Path:
    """Return where results go if nobody says."""
    from datetime import UTC, datetime

    return Path("bench-" + datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S"))
