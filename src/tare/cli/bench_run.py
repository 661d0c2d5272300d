"""`tare bench run`: from arguments to samples."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from tare.bench.ablation import ablated, ablation_of
from tare.bench.doctor import examine, refuse, used
from tare.bench.harness import Bench
from tare.bench.io import table_of
from tare.bench.journal import Journal, check_same
from tare.bench.postgres import Database, database
from tare.bench.profiles import Profile, compat
from tare.bench.result import Machine, Plan, Results, Run
from tare.bench.watching import watched
from tare.bench.workload import Workload
from tare.cli.bench_doctor import files_of_database, look
from tare.cli.bench_options import BenchArguments
from tare.cli.bench_workloads import building, check_load, installed, make_workloads, wanted_of
from tare.cli.progress import Terminal
from tare.cli.settings import cache_path, repeated
from tare.engines.interface import Engine
from tare.errors import UsageError
from tare.flow.bench import candidates as flow
from tare.flow.world import World
from tare.oci import platform as platforms
from tare.report.text import megabytes

_STEADY = "local"


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured, when nothing of it is a contradiction."""

    profile: Profile
    names: Mapping[str, str]
    """Candidates, and what each is an image or an interpreter of."""
    baseline: str
    environments: dict[str, dict[str, str]]
    """By candidate, variables that an ablation sets."""
    engine: Engine | None
    wanted: tuple[str, ...]
    """Names of workloads."""
    served: bool
    """Whether a PostgreSQL is asked."""


def measure(arguments: BenchArguments, world: World, reporter: Terminal, journal: Journal, profile: Profile) -> Results:
    """Measure, or go on measuring, and return everything that is there."""
    asked = _asked(arguments, profile)
    _check_journal(arguments, journal)
    if asked.engine is None and "size" in asked.wanted and arguments.workloads is not None:
        reporter.note("interpreters of this machine have no size: that is for images")
    here = _machine(arguments, journal.directory, asked)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(database(arguments.database, files_of_database())) if asked.served else None
        ready = _ready(arguments, world, asked)
        if server is not None:
            stack.enter_context(watched(server, table_of(profile.rows), profile.rows, reporter.step))
        workloads = make_workloads(
            arguments, wanted=asked.wanted, profile=profile, journal=journal, database=server, names=list(asked.names)
        )
        if "build" in asked.wanted:
            workloads.insert(0, stack.enter_context(building(arguments, world, ready, asked.engine)))
        run = _head(arguments, asked, workloads, ready=ready, here=here, server=server, now=world.now())
        rounds = _begin(journal, run, arguments)
        bench = Bench(
            places={each.candidate.name: each.place for each in ready},
            workloads=workloads,
            journal=journal,
            seed=journal.read().run.plan.seed,
            block=arguments.block or _STEADY,
            now=world.now,
            say=reporter.step,
        )
        stack.enter_context(flow.held(asked.engine, ready))
        bench.run(rounds)
    if asked.served and arguments.database is None:
        files = files_of_database()
        reporter.note(f"the database's files are kept in `{files}` for the next run: {megabytes(used(files))}")
    return journal.read()


def _asked(arguments: BenchArguments, profile: Profile) -> _Asked:
    names = flow.names_of(arguments.image or _defaults(arguments))
    baseline = arguments.baseline or next(iter(names))
    environments: dict[str, dict[str, str]] = {}
    if arguments.action == "explain":
        names, environments = ablated(names)
    if baseline not in names:
        raise UsageError(f"there is no candidate `{baseline}`", hints=(f"Choose one of {', '.join(names)}",))
    engine = _engine(arguments)
    wanted = wanted_of(arguments)
    served = "io" in wanted and (profile.database == "postgres" or arguments.database is not None)
    check_load(arguments.load, served=served)
    return _Asked(
        profile=profile,
        names=names,
        baseline=baseline,
        environments=environments,
        engine=engine,
        wanted=tuple(wanted),
        served=served,
    )


def _check_journal(arguments: BenchArguments, journal: Journal) -> None:
    """Raise if what is there cannot be gone on with: now, and not after everything was built."""
    if journal.exists:
        journal.read()  # Results of another version are an error.
    elif arguments.more:
        raise UsageError(
            f"there are no results in `{journal.directory}` that rounds could be added to",
            hints=("Leave `--more` out, or name the directory with `--output`",),
        )


def _machine(arguments: BenchArguments, directory: Path, asked: _Asked) -> Machine:
    """Look at the machine, refuse what cannot be done on it, and return it."""
    looked, wanted = look(arguments, directory, asked.profile, list(asked.wanted))
    name = asked.engine.name if asked.engine else "host"
    unavailable = asked.engine.available() if asked.engine else None
    findings = list(examine(looked, asked.profile, engine=name, workloads=wanted, unavailable=unavailable))
    refuse(findings, arguments.profile or "smoke")
    noisy = [f"{each.what}: {each.text}" for each in findings if each.kind == "noisy"]
    return flow.machine(looked, name=socket.gethostname(), engine=name, warnings=noisy)


def _ready(arguments: BenchArguments, world: World, asked: _Asked) -> list[flow.Ready]:
    import platform as this_machine

    prepared = flow.prepare(
        world, asked.names, engine=asked.engine, platform=platforms.parse(this_machine.machine()),
        environments=asked.environments, projects=installed(asked.wanted, served=asked.served),
        driver=arguments.driver if asked.served else None,
    )  # fmt: skip
    is_ablated = bool(asked.environments)
    ready = [
        flow.changed(each, ablation_of(each.candidate.name, asked.names) if is_ablated else None) for each in prepared
    ]
    return ready + [flow.control_of(each) for each in ready if each.candidate.name == asked.baseline]


def _head(
    arguments: BenchArguments,
    asked: _Asked,
    workloads: Sequence[Workload],
    *,
    ready: Sequence[flow.Ready],
    here: Machine,
    server: Database | None,
    now: float,
) -> Run:
    names = tuple(each.name for each in workloads)
    identities = "".join(getattr(each, "identity", "") for each in workloads)
    return Run(
        tare=flow.version(),
        plan=Plan(
            profile=arguments.profile or "smoke",
            workloads=names,
            rounds=arguments.rounds or asked.profile.rounds,
            seed=arguments.seed,
            baseline=asked.baseline,
            rows=asked.profile.rows,
            engine=here.engine,
            database=server.version if server else "sqlite",
            compat=compat(asked.profile, names, identities),
        ),
        candidates=tuple(each.candidate for each in ready),
        machines={arguments.block or _STEADY: here},
        command=repeated(),
        started=now,
    )


def _defaults(arguments: BenchArguments) -> list[str]:
    if arguments.engine in {None, "host"}:
        return [sys.executable]
    raise UsageError("no image was named", hints=("Name at least one with `--image`, such as `--image deb:trixie`",))


def _engine(arguments: BenchArguments) -> Engine | None:
    """Return the engine; None for this machine's own interpreters."""
    from tare.cli.engines import engines
    from tare.engines.choose import choose

    if arguments.engine == "host" or (arguments.engine is None and not arguments.image):
        return None
    return choose(engines(cache_path(arguments.cache_dir)), arguments.engine).engine


def _begin(journal: Journal, run: Run, arguments: BenchArguments) -> int:
    """Write the head, or check that what is there is of the same plan; return how many rounds there shall be."""
    if not journal.exists:
        journal.begin(run)
        return run.plan.rounds
    there = journal.read()
    check_same(there.run, run)
    done = 1 + max((each.round for each in there.samples), default=-1)
    # Rounds that were added by a run that did not come to its end are still to be measured.
    rounds = done + arguments.more if arguments.more else max(run.plan.rounds, there.run.plan.rounds, done)
    machines = {**there.run.machines, **run.machines}
    plan = msgspec.structs.replace(there.run.plan, rounds=rounds)
    journal.begin(msgspec.structs.replace(there.run, plan=plan, machines=machines))
    return rounds
