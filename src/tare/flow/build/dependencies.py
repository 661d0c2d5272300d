"""A project's dependencies on a base: selected, fetched, checked, planned."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tare import threads
from tare.dockerfile.generate.needs import unseen_packages
from tare.errors import TargetError
from tare.flow.bases import named as bases
from tare.flow.bases.named import Base
from tare.flow.build.distributions import Acquired, acquire
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.plan.environment import skeleton
from tare.plan.layering import arrange
from tare.plan.overlaps import settle
from tare.plan.plan import PlannedLayer, Segment
from tare.plan.run_config import PREFIX
from tare.projects.names import normalize
from tare.projects.project import Project
from tare.projects.resolve import Selection
from tare.stores.cache import key_of
from tare.stores.names import SuiteName, parse
from tare.wheels.install import install
from tare.wheels.lacking import Missing, refusal, summary
from tare.wheels.libraries import Libraries
from tare.wheels.linking import missing
from tare.wheels.needs import FORMAT, WheelElf, inspect
from tare.wheels.scheme import Scheme
from tare.wheels.target import Target
from tare.wheels.wheel import Wheel


class Dependencies(msgspec.Struct, frozen=True, kw_only=True):
    """What is below the project's code, planned."""

    base: Base
    scheme: Scheme
    layers: tuple[PlannedLayer, ...]
    wheels: dict[Digest, Wheel]
    built: frozenset[Digest]
    """The wheels that were built here."""

    warnings: tuple[str, ...]


class NeedsKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a wheel's ELF files are remembered under."""

    format: int
    wheel: Digest
    filename: str


def plan_dependencies(
    world: World, project: Project, request: Request, base: Base, selection: Selection
) -> Dependencies:
    """Return the layers of *selection* on *base*, to which an assembled one gets what the wheels need besides."""
    target = base.facts.target()
    acquired = acquire(world, selection.locked, target, requested=requested(project))
    scheme = scheme_of(target)
    with world.step("plan"):
        segments, overlaps = placed(acquired, scheme)
    if request.slim is not None:
        request, base, segments = _slimmed(world, project, request, base, acquired, segments=segments)
    base, gaps = _with_libraries(world, request, base, acquired, segments)
    layers = layers_of(acquired, segments, target, interpreter=_interpreter(base), base_layers=len(base.image.layers))
    return Dependencies(
        base=base,
        scheme=scheme,
        layers=tuple(layer.on(base.facts.ground) for layer in layers),
        wheels={each.wheel.digest: each.wheel for each in acquired},
        built=frozenset(each.wheel.digest for each in acquired if each.built),
        warnings=(*overlaps, *summary(gaps), *_unseen(request, base, acquired)),
    )


def _slimmed(
    world: World,
    project: Project,
    request: Request,
    base: Base,
    acquired: Sequence[Acquired],
    *,
    segments: tuple[Segment, ...],
) -> tuple[Request, Base, tuple[Segment, ...]]:
    """Return *segments* without what `--slim` leaves out, and a base that still has what a wheel uses of it."""
    from tare.flow.build.slimming import clues, own_mentions, slimmed

    if request.slim is None:
        return request, base, segments
    known = clues(world, acquired)
    with world.step("plan"):
        own = own_mentions(world, project)
        segments = slimmed(segments, known, request.slim, request.spared, own=own)
    if any(clue.iconv for clue in known.values()) and isinstance(parse(request.base), SuiteName):
        request = msgspec.structs.replace(request, spared=tuple(sorted({*request.spared, _CONVERSION})))
        base = bases.resolve(world, request)
    return request, base, segments


_CONVERSION = "TS202"
"""The rule that takes the C library's character conversion, which wheels may use."""


def scheme_of(target: Target) -> Scheme:
    """Return the directories of the environment that an image for *target* has."""
    return Scheme(prefix=PREFIX, series=target.series, free_threaded=target.free_threaded)


def placed(acquired: Sequence[Acquired], scheme: Scheme) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Return where the files of every wheel land, and what the person should know about it."""
    return settle([_segment(each, scheme) for each in acquired])


def layers_of(
    acquired: Sequence[Acquired],
    segments: Sequence[Segment],
    target: Target,
    *,
    interpreter: str,
    base_layers: int,
) -> tuple[PlannedLayer, ...]:
    """Return the layers of the dependencies on a base whose *interpreter* is at that absolute path."""
    return arrange(
        segments,
        compressed={each.wheel.name: _compressed(each.wheel) for each in acquired},
        skeleton=skeleton(scheme_of(target), interpreter=interpreter, version=target.version),
        base_layers=base_layers,
    )


def _compressed(wheel: Wheel) -> int:
    return sum(member.compressed for member in wheel.archive.members)


def requested(project: Project) -> frozenset[str]:
    """Return the normalized names of what the project itself asks for."""
    if project.lock is not None and project.lock.kind == "requirements" and not project.dependencies:
        return _in_requirements(project.lock.path)
    names = (re.match(r"[A-Za-z0-9._-]+", requirement.strip()) for requirement in project.dependencies)
    return frozenset(normalize(name[0]) for name in names if name)


def _in_requirements(path: str) -> frozenset[str]:
    """Return what a requirements file, or the one that it was made from, asks for.

    One with hashes names all that is needed for what somebody asked for, and no longer says what that was.
    """
    from tare.projects.locks import requirements_file

    source = os.path.splitext(path)[0] + ".in"
    contents = requirements_file.parse(source if os.path.isfile(source) else path, {})
    if any(entry.hashes for entry in contents.entries):
        return frozenset()
    return frozenset(normalize(entry.requirement.name) for entry in contents.entries if entry.requirement)


def _segment(acquired: Acquired, scheme: Scheme) -> Segment:
    wheel = acquired.wheel
    return Segment(
        name=wheel.name,
        version=wheel.version,
        filename=wheel.filename,
        wheel=wheel.digest,
        scheme=scheme,
        provenance=acquired.provenance,
        files=install(wheel, scheme, acquired.provenance),
    )


def _with_libraries(
    world: World, request: Request, base: Base, acquired: Sequence[Acquired], segments: Iterable[Segment]
) -> tuple[Base, tuple[Missing, ...]]:
    """Return a base that has every shared library that the wheels need, and what may be missing all the same.

    An assembled base gets the packages that it lacks; any other must have them.
    """
    needs = _needs(world, [each.wheel for each in acquired if is_native(each.wheel)])
    if not needs:
        return base, ()
    places = places_of(segments)

    def gaps(provided: Libraries) -> tuple[Missing, ...]:
        return missing(needs, provided, installed_paths=places, allowed=request.allow_missing)

    found = gaps(base.facts.provided())
    name = parse(request.base)
    if isinstance(name, SuiteName) and any(gap.kind == "library" for gap in found):
        from tare.flow.bases import debian

        wanted = {gap.library for gap in found if gap.kind == "library" and gap.severity == "error"}
        packages = debian.packages_of(world, request, wanted, name.suite)
        if packages:
            base = bases.resolve(world, request, packages=packages)
            found = gaps(base.facts.provided())
    errors = [gap for gap in found if gap.severity == "error"]
    if errors:
        raise refusal(
            errors, debian_packages({gap.library for gap in errors}, base.facts.os.id, base.facts.os.codename)
        )
    return base, tuple(gap for gap in found if gap.severity != "error")


def _unseen(request: Request, base: Base, acquired: Iterable[Acquired]) -> Iterator[str]:
    """Yield what to know of distributions that open libraries by name, or start programs: no file shows it."""
    system = base.facts.os
    if system.id not in {"debian", "alpine"}:
        return
    found = unseen_packages((each.wheel.name for each in acquired), system.id, system.codename)
    assembled = isinstance(parse(request.base), SuiteName)
    for name, packages in found.items():
        lacking = [package for package in packages if package not in request.system_packages]
        if lacking:
            names = ", ".join(f"`{package}`" for package in lacking)
            what = "name it in `system-packages`" if assembled else "the base must have it"
            yield f"`{name}` wants {names} of the system when it runs, which no file of a wheel shows: {what}"


def debian_packages(libraries: Iterable[str], os: str, suite: str) -> dict[str, str]:
    """Return the packages of *libraries* that are known without asking, where the system is Debian."""
    from tare.bases.debian.tables import tables

    if os != "debian":
        return {}
    return {each: package for each in libraries if (package := tables().package_of(each, suite))}


def places_of(segments: Iterable[Segment]) -> dict[str, dict[str, str]]:
    """Return, by wheel and by path in it, where files lie in the image."""
    return {
        segment.filename: {file.source.name: file.path for file in segment.files if not isinstance(file.source, bytes)}
        for segment in segments
    }


def is_native(wheel: Wheel) -> bool:
    """Whether a wheel is for some platforms only."""
    return not wheel.filename.endswith("-any.whl")


def _needs(world: World, wheels: Sequence[Wheel]) -> list[WheelElf]:
    """Return what each of *wheels* needs. Those that are not remembered are read side by side, the largest first."""
    keys = [key_of(NeedsKey(format=FORMAT, wheel=wheel.digest, filename=wheel.filename)) for wheel in wheels]
    found = {key: world.cache.recall("elf", key, WheelElf) for key in keys}
    unknown = [(key, wheel) for key, wheel in zip(keys, wheels, strict=True) if found[key] is None]
    if unknown:
        unknown.sort(key=lambda pair: -_compressed(pair[1]))
        with world.step("read shared libraries"), threads.pool(world.threads) as pool:
            for (key, _), needs in zip(unknown, pool.map(inspect, [wheel for _, wheel in unknown]), strict=True):
                found[key] = needs
                world.cache.remember("elf", key, msgspec.json.encode(needs))
    return [each for key in keys if (each := found[key]) is not None]


def _interpreter(base: Base) -> str:
    if base.facts.python is None:
        raise TargetError(f"the base `{base.name}` has no Python")
    return base.facts.python.executable
