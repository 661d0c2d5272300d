"""One base, judged: the plan that a build would make on it, with every layer measured and none written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tare.build.keys import layer_key
from tare.build.layers import Writing, write_layers
from tare.build.predict import PredictedLayer, predict_layer
from tare.errors import MachineError, TareError, TargetError
from tare.flow.bases.standing import Standing
from tare.flow.build.dependencies import debian_packages, is_native, layers_of, placed, requested, scheme_of
from tare.flow.build.distributions import Acquired
from tare.flow.build.provenance import direct_url
from tare.flow.choose.at_hand import ready
from tare.flow.choose.distributions import of_coverage
from tare.flow.choose.gaps import supplied
from tare.flow.choose.looked import Looked
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.oci.ground import Ground
from tare.plan.choice.candidate import Candidate, Distribution, Sizes, Work
from tare.plan.claims import Claim
from tare.plan.plan import PlannedLayer
from tare.projects.locked import LockedWheel
from tare.projects.project import Project
from tare.projects.resolve import Coverage
from tare.stores.cache import key_of
from tare.wheels.lacking import Missing
from tare.wheels.scheme import Provenance, Scheme
from tare.wheels.target import Target
from tare.wheels.wheel import Wheel


class _Spot(NamedTuple):
    """Where the project's own files go."""

    scheme: Scheme
    target: Target
    ground: Ground
    claims: dict[str, Claim]
    """Only warnings follow from them, which a build gives."""


class Job(NamedTuple):
    """One base to judge."""

    request: Request
    standing: Standing
    coverage: Coverage | TargetError | None

    @property
    def draft(self) -> Candidate:
        """What is known without looking at a wheel."""
        standing = self.standing
        return Candidate(
            base=standing.name,
            kind=standing.kind,
            platform=self.request.platform,
            python=standing.target.version if standing.target else None,
            libc=standing.target.libc if standing.target else None,
            suitable=False,
            base_sizes=Sizes(pull=standing.pull, unpacked=standing.unpacked),
            origin=standing.origin,
            origin_why=standing.why,
            digest=standing.digest,
            interpreter=standing.interpreter or None,
            platforms=standing.platforms,
            libraries=None if standing.libraries is None else tuple(sorted(standing.libraries.names)),
            date=standing.date or None,
            pgo=standing.pgo,
            lto=standing.lto,
            package_manager=standing.package_manager,
            shell=standing.shell,
            user=standing.user,
            python_eol=standing.python_eol,
            os_eol=standing.os_eol,
            sources=standing.sources,
        )


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A base, judged for what is locked. The project's own files have no part in it: they change with each line."""

    candidate: Candidate
    ground: Ground
    """What the project's layer stands on."""


def weigh(world: World, project: Project, job: Job, coverage: Coverage, looked: Mapping[str, Looked]) -> Judged:
    """Return what *job* gives: the plan of its image but for the project's own layer, weighed."""
    standing, target = job.standing, job.standing.target
    assert target is not None  # noqa: S101  # there is a coverage
    scheme = scheme_of(target)
    acquired = _acquired(world, coverage, looked, target, requested(project))
    segments, _ = placed(acquired, scheme)
    needs = [looked[each.wheel.filename].heads for each in acquired if not each.built and is_native(each.wheel)]
    standing, gaps = supplied(world, job.request, standing, needs, segments)
    layers = layers_of(acquired, segments, target, interpreter=standing.interpreter, base_layers=standing.layers)
    layers = tuple(layer.on(standing.ground) for layer in layers)
    built = {each.wheel.digest: each.wheel for each in acquired if each.built}
    predicted = [_predicted(world, layer, job.request, built) for layer in layers]
    distributions = of_coverage(world, project, coverage, target, acquired=acquired, segments=segments)
    work = _work(world, acquired, predicted, distributions)
    site = Sizes(pull=sum(each.size for each in predicted), unpacked=sum(each.unpacked for each in predicted))
    unbuilt = [each.name for each in distributions if each.unpacked is None]
    obstacles = _obstacles(distributions, gaps, standing, target)
    unchecked = tuple(each.needs.wheel for each in needs if standing.libraries is None or each.unread)
    candidate = msgspec.structs.replace(
        job._replace(standing=standing).draft,
        suitable=not obstacles,
        obstacles=obstacles,
        pull=_sum(standing.pull, site.pull),
        unpacked=_sum(standing.unpacked, site.unpacked),
        exact=all(each.exact for each in predicted) and not unbuilt,
        site_packages=site,
        layers=tuple(Sizes(pull=each.size, unpacked=each.unpacked) for each in predicted),
        distributions=distributions,
        missing_libraries=tuple(
            sorted({gap.library for gap in gaps if gap.kind == "library" and gap.severity == "error"})
        ),
        unchecked=unchecked,
        work=work,
        notes=coverage.selection.warnings,
    )
    return Judged(candidate=candidate, ground=standing.ground)


def _acquired(
    world: World, coverage: Coverage, looked: Mapping[str, Looked], target: Target, names: frozenset[str]
) -> list[Acquired]:
    """Return the wheels of *coverage*: those that were looked at, and what is known of sources."""
    found = []
    for each in coverage.selection.locked:
        if isinstance(each, LockedWheel):
            seen = looked[each.filename]
            provenance = Provenance(requested=each.name in names, direct_url=direct_url(each))
            found.append(Acquired(wheel=seen.wheel, provenance=provenance, built=False, size=seen.size))
        else:
            made = ready(world, each, target, names)
            found += [made] if made is not None else []
    return found


def with_project(world: World, project: Project, job: Job, judged: Judged) -> Candidate:
    """Return what *judged* gives with the layer of the project itself."""
    candidate, target = judged.candidate, job.standing.target
    assert target is not None  # noqa: S101  # it was judged
    sizes, notes = _project(world, project, job.request, _Spot(scheme_of(target), target, judged.ground, {}))
    compiled = project.config.bytecode not in {None, "none"}
    if compiled:
        notes = (*notes, "the bytecode that [tool.tare] asks for is not counted")
    return msgspec.structs.replace(
        candidate,
        pull=_sum(candidate.pull, sizes.pull),
        unpacked=_sum(candidate.unpacked, sizes.unpacked),
        exact=candidate.exact and sizes.pull is not None and not compiled,
        project=sizes,
        notes=(*candidate.notes, *notes),
    )


def _sum(*parts: int | None) -> int | None:
    return None if None in parts else sum(part for part in parts if part is not None)


class _LayerKey(msgspec.Struct, frozen=True, kw_only=True):
    layer: object
    predicted: int = 2


def _predicted(world: World, layer: PlannedLayer, request: Request, built: Mapping[Digest, Wheel]) -> PredictedLayer:
    """Return what a layer will weigh, worked out once; one that was written is what it is. *built* are wheels of here."""
    from tare.oci.layer import WrittenLayer

    recoded = frozenset(built)
    key = layer_key(layer, mtime=world.epoch, single_member=request.single_member, recoded=recoded)
    written = world.cache.recall("layers", key_of(key), WrittenLayer)
    if written is not None:
        return PredictedLayer(size=written.descriptor.size, unpacked=written.unpacked, exact=True)
    mine = key_of(_LayerKey(layer=key))
    known = world.cache.recall("predicted", mine, PredictedLayer)
    if known is None:
        known = predict_layer(
            layer, mtime=world.epoch, single_member=request.single_member, recoded=recoded, wheels=built
        )
        world.cache.remember("predicted", mine, msgspec.json.encode(known))
    return known


def _project(world: World, project: Project, request: Request, spot: _Spot) -> tuple[Sizes, tuple[str, ...]]:
    """Return the size of the project's own layer, which is written as a build would."""
    from tare.flow.build.project_layer import plan_project

    try:
        part = plan_project(world, project, spot)
        writing = Writing(mtime=world.epoch, single_member=request.single_member, recoded=frozenset(part.wheels))
        outcome = write_layers(world.cache, [part.layer], part.wheels, writing)[0]
    except MachineError:
        raise
    except TareError as error:
        return Sizes(pull=None, unpacked=None), (f"the project's own layer is unknown: {error.message}",)
    return Sizes(pull=outcome.layer.descriptor.size, unpacked=outcome.layer.unpacked), ()


def _work(
    world: World,
    acquired: Sequence[Acquired],
    predicted: Sequence[PredictedLayer],
    distributions: Sequence[Distribution],
) -> Work:
    missing_here = [each for each in acquired if not world.cache.path(each.wheel.digest).exists()]
    sources = [each for each in distributions if each.kind == "sdist"]
    return Work(
        fetch=sum(each.size for each in missing_here)
        + sum(each.size or 0 for each in sources if each.unpacked is None),
        hash=sum(each.unpacked + each.size for each in predicted),
        sources=tuple(each.name for each in sources),
        native=tuple(each.name for each in sources if each.native),
    )


def _obstacles(
    distributions: Iterable[Distribution], gaps: Iterable[Missing], standing: Standing, target: Target
) -> tuple[str, ...]:
    found = []
    for each in distributions:
        if each.kind == "impossible":
            found.append(f"{each.name} {each.version} has no wheel for it and no source.")
        elif each.kind == "sdist" and each.native:
            found.append(
                f"{each.name} {each.version} has no wheel for {target.libc.family} and would have to be compiled: {each.why}."
            )
    libraries = sorted({gap.library for gap in gaps if gap.kind == "library"})
    if libraries:
        packages = debian_packages(libraries, standing.os, standing.suite)
        names = [f"{each} (of {packages[each]})" if each in packages else each for each in libraries]
        found.append(f"It lacks {', '.join(names)}, which wheels need.")
    found += [_sentence(str(gap)) for gap in gaps if gap.kind != "library"][:2]
    return tuple(found)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""
