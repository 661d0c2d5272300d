"""The plan made for many bases, and weighed instead of built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tare import __version__
from tare.errors import TareError, TargetError
from tare.flow.bases.looking import stand
from tare.flow.bases.named import moment
from tare.flow.bases.standing import Standing
from tare.flow.build import estimate
from tare.flow.choose.at_hand import at_hand
from tare.flow.choose.judge import Job, Judged, weigh, with_project
from tare.flow.choose.looked import Looked, look_at
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.compression import CODER
from tare.oci.digest import Digest
from tare.plan.choice.candidate import Candidate
from tare.plan.choice.choice import Choice, lone_obstacles, recommended
from tare.plan.choice.ranking import Prefer, ranked
from tare.projects.locked import LockedDirectory, LockedWheel
from tare.projects.project import Project
from tare.projects.resolve import Coverage, covered_each
from tare.stores.cache import key_of
from tare.stores.names import RegistryName, SuiteName, parse

FORMAT = 13
"""Raised whenever the same inputs would be judged otherwise."""


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a judgement follows from."""

    format: int
    version: str
    coder: str
    standing: Standing
    coverage: Coverage
    requested: tuple[str, ...]
    request: Request
    at_hand: tuple[str, ...]
    epoch: int


def choose(
    world: World,
    project: Project,
    requests: Sequence[Request],
    *,
    prefer: Prefer = "balanced",
    named: frozenset[str] = frozenset(),
    reachable: bool = False,
    whole: frozenset[str] = frozenset(),
) -> Choice:
    """Return what each of *requests* would give, compared. Bases that a person *named* are read, or are an error where
    nothing is known of them; those in *whole* are read if that is possible.

    With *reachable*, a base that can only be judged from the catalogue is not suitable.
    """
    world.fetch_for(project)
    jobs = _jobs(world, project, requests, named=named, whole=whole)
    if reachable:
        jobs = [_reached(job) for job in jobs]
    wanted = [
        each
        for job in jobs
        if isinstance(job.coverage, Coverage) and not _known(world, project, job)
        for each in job.coverage.selection.locked
        if isinstance(each, LockedWheel)
    ]
    looked = look_at(world, wanted)
    past = estimate.speeds(estimate.records(world).builds)
    judged = [_timed(_judge(world, project, job, looked), past) for job in jobs]
    today = moment(world.now()).date()
    candidates = ranked(judged, prefer=prefer, today=today)
    downloaded = sorted(name for name, each in looked.items() if each.origin == "download")
    return Choice(
        project=project.name or "",
        candidates=candidates,
        recommended=recommended(candidates),
        prefer=prefer,
        fetched=sum(each.fetched for each in looked.values()),
        wheels=_bytes_of_wheels(candidates),
        downloaded=tuple(downloaded),
        obstacles=lone_obstacles(candidates),
        notes=tuple(dict.fromkeys((*_notes(downloaded), *(note for each in candidates for note in each.notes)))),
    )


def _bytes_of_wheels(candidates: Sequence[Candidate]) -> int:
    """Return what downloading every wheel of *candidates* would take, each once."""
    sizes = {item.file: item.size or 0 for each in candidates for item in each.distributions if item.kind == "wheel"}
    return sum(sizes.values())


def _notes(downloaded: Sequence[str]) -> tuple[str, ...]:
    if not downloaded:
        return ()
    names = ", ".join(f"`{name}`" for name in downloaded[:3]) + (" …" if len(downloaded) > 3 else "")
    whole = "1 wheel was" if len(downloaded) == 1 else f"{len(downloaded)} wheels were"
    return (f"the server of {names} has no ranges, so {whole} downloaded whole",)


def _jobs(
    world: World, project: Project, requests: Sequence[Request], *, named: frozenset[str], whole: frozenset[str]
) -> list[Job]:
    with world.step("look at bases"):
        _ask_each_registry(world, [each for each in requests if each.base not in named])
        standings = [
            _stand(world, request, named=request.base in named, whole=request.base in whole) for request in requests
        ]
    targets = [standing.target for standing in standings if standing.target is not None]
    first = requests[0] if requests else None
    with world.step("read the lock"):
        covered = iter(
            list(
                covered_each(
                    project,
                    targets,
                    world.uv,
                    extras=first.extras if first else (),
                    groups=first.groups if first else (),
                )
            )
        )
    return [
        Job(request, standing, None if standing.target is None else next(covered))
        for request, standing in zip(requests, standings, strict=True)
    ]


def _ask_each_registry(world: World, requests: Sequence[Request]) -> None:
    """Ask all registries at the same time for one base: those that are out of reach are known from then on."""
    from tare import threads

    first: dict[str, Request] = {}
    for request in requests:
        name = parse(request.base)
        if isinstance(name, RegistryName):
            first.setdefault(name.reference.registry, request)
    if len(first) < 2 or world.offline:
        return
    with threads.pool(len(first)) as pool:
        for future in [pool.submit(_stand, world, each, named=False, whole=False) for each in first.values()]:
            future.result()


def _reached(job: Job) -> Job:
    standing = job.standing
    if standing.origin != "catalogue" or standing.target is None:
        return job
    unfit = f"it cannot be pulled: {standing.why}"
    return Job(job.request, msgspec.structs.replace(standing, target=None, unfit=unfit), None)


def _stand(world: World, request: Request, *, named: bool, whole: bool) -> Standing:
    try:
        standing = stand(world, request, named=named, whole=whole)
    except TargetError as error:
        if named:
            raise
        return Standing(
            name=request.base, kind="named", origin="image", unfit="; ".join((error.message, *error.causes))
        )
    except TareError as error:
        if named:
            raise
        return Standing(name=request.base, kind="named", origin="catalogue", unfit=error.message)
    if request.system_packages and not isinstance(parse(request.base), SuiteName):
        return msgspec.structs.replace(standing, target=None, unfit="`system-packages` needs an assembled base")
    return standing


def _judge(world: World, project: Project, job: Job, looked: Mapping[str, Looked]) -> Candidate:
    coverage = job.coverage
    if coverage is None or isinstance(coverage, TargetError):
        unfit = job.standing.unfit if coverage is None else "; ".join((coverage.message, *coverage.causes))
        return msgspec.structs.replace(job.draft, obstacles=(_sentence(unfit),))
    found = _known(world, project, job)
    if found is None:
        found = weigh(world, project, job, coverage, looked)
        # What lies in a directory of this machine is no part of the key.
        if not any(isinstance(each, LockedDirectory) for each in coverage.selection.locked):
            world.cache.remember("judged", _key(world, project, job), msgspec.json.encode(found))
    return with_project(world, project, job, found)


def _timed(candidate: Candidate, past: estimate.Speeds | None) -> Candidate:
    """Return *candidate* with an estimate of the time that its build takes."""
    if not candidate.distributions:
        return candidate
    work = candidate.work
    return msgspec.structs.replace(candidate, work=msgspec.structs.replace(work, seconds=estimate.estimate(past, work)))


def _known(world: World, project: Project, job: Job) -> Judged | None:
    if not isinstance(job.coverage, Coverage) or job.request.pull:
        return None
    return world.cache.recall("judged", _key(world, project, job), Judged)


def _key(world: World, project: Project, job: Job) -> Digest:
    target = job.standing.target
    assert isinstance(job.coverage, Coverage)  # noqa: S101  # for the type checker
    assert target is not None  # noqa: S101  # there is a coverage
    return key_of(
        _Key(
            format=FORMAT,
            version=__version__,
            coder=CODER,
            standing=job.standing,
            coverage=job.coverage,
            requested=project.dependencies,
            request=msgspec.structs.replace(job.request, pull=False),
            at_hand=at_hand(world, job.coverage.selection.locked, target),
            epoch=world.epoch,
        )
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""
