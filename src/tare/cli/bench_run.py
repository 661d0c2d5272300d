"""`tare bench run`: from arguments to samples."""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tare.bench import suites
from tare.bench.ablation import ablated, ablation_of
from tare.bench.doctor import examine, refuse, used
from tare.bench.harness import Bench
from tare.bench.io import table_of
from tare.bench.journal import Journal, check_same
from tare.bench.load import histogram
from tare.bench.postgres import Database, database
from tare.bench.profiles import Profile, compat
from tare.bench.result import Machine, Plan, Results, Run
from tare.bench.watching import watched
from tare.bench.workload import CommandWorkload, Workload, read_commands
from tare.cli.bench_doctor import files_of_database, look
from tare.cli.progress import Terminal
from tare.cli.settings import cache_path, repeated
from tare.engines.interface import Engine
from tare.errors import UsageError
from tare.flow.bench import candidates as flow
from tare.flow.world import World
from tare.oci import platform as platforms
from tare.report.text import megabytes

if TYPE_CHECKING:
    from tare.cli.bench import BenchArguments

_STEADY = "local"


def measure(arguments: BenchArguments, world: World, reporter: Terminal, journal: Journal, profile: Profile) -> Results:
    """Measure, or go on measuring, and return everything that is there."""
    names = flow.names_of(arguments.image or _defaults(arguments))
    baseline = arguments.baseline or next(iter(names))
    environments: dict[str, dict[str, str]] = {}
    if arguments.action == "explain":
        names, environments = ablated(names)
    if baseline not in names:
        raise UsageError(f"there is no candidate `{baseline}`", hints=(f"Choose one of {', '.join(names)}",))
    engine = _engine(arguments)
    wanted = _wanted(arguments)
    served = "io" in wanted and (profile.database == "postgres" or arguments.database is not None)
    _check_load(arguments.load, served=served)
    if arguments.more and not journal.exists:
        raise UsageError(
            f"there are no results in `{journal.directory}` that rounds could be added to",
            hints=("Leave `--more` out, or name the directory with `--output`",),
        )
    if journal.exists:
        journal.read()  # Results of another version are an error, and now: not after everything was built.
    if engine is None and "size" in wanted and arguments.workloads is not None:
        reporter.note("interpreters of this machine have no size: that is for images")
    here = _machine(arguments, journal.directory, profile, engine)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(database(arguments.database, files_of_database())) if served else None
        ready = _ready(
            world, names, baseline, engine, environments=environments, projects=_installed(wanted, served=served),
            driver=arguments.driver if served else None,
        )  # fmt: skip
        if server is not None:
            stack.enter_context(watched(server, table_of(profile.rows), profile.rows, reporter.step))
        workloads = _workloads(
            arguments, wanted=wanted, profile=profile, journal=journal, database=server, names=list(names)
        )
        if "build" in wanted:
            workloads.insert(0, stack.enter_context(_building(arguments, world, ready, engine)))
        run = _head(
            arguments,
            profile=profile,
            baseline=baseline,
            workloads=workloads,
            ready=ready,
            here=here,
            server=server,
            now=world.now(),
        )
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
        stack.enter_context(flow.held(engine, ready))
        bench.run(rounds)
    if served and arguments.database is None:
        files = files_of_database()
        reporter.note(f"the database's files are kept in `{files}` for the next run: {megabytes(used(files))}")
    return journal.read()


def _machine(arguments: BenchArguments, directory: Path, profile: Profile, engine: Engine | None) -> Machine:
    """Look at the machine, refuse what cannot be done on it, and return it."""
    looked, wanted = look(arguments, directory, profile, _wanted(arguments))
    name = engine.name if engine else "host"
    unavailable = engine.available() if engine else None
    findings = list(examine(looked, profile, engine=name, workloads=wanted, unavailable=unavailable))
    refuse(findings, arguments.profile or "smoke")
    noisy = [f"{each.what}: {each.text}" for each in findings if each.kind == "noisy"]
    return flow.machine(looked, name=socket.gethostname(), engine=name, warnings=noisy)


def _ready(
    world: World,
    names: Mapping[str, str],
    baseline: str,
    engine: Engine | None,
    *,
    environments: dict[str, dict[str, str]],
    projects: Sequence[Path],
    driver: str | None,
) -> list[flow.Ready]:
    import platform as this_machine

    platform = platforms.parse(this_machine.machine())
    prepared = flow.prepare(
        world, names, engine=engine, platform=platform, environments=environments, projects=projects, driver=driver
    )
    ready = [flow.changed(each, ablation_of(each.candidate.name, names) if environments else None) for each in prepared]
    return ready + [flow.control_of(each) for each in ready if each.candidate.name == baseline]


def _check_load(load: str, *, served: bool) -> None:
    """Raise if what is to make load is not understood, or not installed: before anything is built or loaded."""
    if served:
        histogram()
    if load == "tare":
        return
    from tare.bench.locust_load import locusts, missing

    locusts(load)
    if (error := missing()) is not None:
        raise error


def _installed(wanted: Sequence[str], *, served: bool) -> list[Path]:
    """Return the projects of which every image gets the first that it can have; none if the standard library is enough."""
    more = [suites.LEARNING] if "learning" in wanted else []
    return [*more, suites.PROJECT] if more or served or "frames" in wanted else []


def _head(
    arguments: BenchArguments,
    *,
    profile: Profile,
    baseline: str,
    workloads: Sequence[Workload],
    ready: Sequence[flow.Ready],
    here: Machine,
    server: Database | None,
    now: float,
) -> Run:
    names = tuple(each.name for each in workloads)
    return Run(
        tare=flow.version(),
        plan=Plan(
            profile=arguments.profile or "smoke",
            workloads=names,
            rounds=arguments.rounds or profile.rounds,
            seed=arguments.seed,
            baseline=baseline,
            rows=profile.rows,
            engine=here.engine,
            database=server.version if server else "sqlite",
            compat=compat(profile, names, "".join(getattr(each, "identity", "") for each in workloads)),
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


def _wanted(arguments: BenchArguments) -> list[str]:
    from tare.cli.bench import workloads

    wanted = [each.strip() for each in workloads(arguments).split(",") if each.strip()]
    if wanted == ["size"] and not arguments.define and arguments.engine in {None, "host"} and not arguments.image:
        raise UsageError(
            "an interpreter of this machine has no size", hints=("Name images with `--image`, or other workloads",)
        )
    if not wanted and not arguments.define:
        raise UsageError("no workload was named", hints=(f"Choose of {', '.join(suites.NAMES)}",))
    unknown = [each for each in wanted if each not in suites.NAMES]
    if unknown:
        raise UsageError(f"there is no workload `{unknown[0]}`", hints=(f"Choose of {', '.join(suites.NAMES)}",))
    return wanted


def _workloads(
    arguments: BenchArguments,
    *,
    wanted: list[str],
    profile: Profile,
    journal: Journal,
    database: Database | None,
    names: list[str],
) -> list[Workload]:
    made: dict[str, Callable[[], list[Workload]]] = {
        "start": lambda: [suites.start(profile)],
        "io": lambda: _io(arguments, profile, journal, database, names),
        "cpu": lambda: [suites.cpu(profile)],
        "frames": lambda: [suites.frames(profile)],
        "learning": lambda: [suites.learning(profile)],
    }
    found = [workload for name, make in made.items() if name in wanted for workload in make()]
    if arguments.define:
        commands = read_commands(Path(arguments.define).read_bytes(), arguments.define)
        found += [CommandWorkload(name=name, command=command) for name, command in commands.items()]
    return found


@contextlib.contextmanager
def _building(
    arguments: BenchArguments, world: World, ready: Sequence[flow.Ready], engine: Engine | None
) -> Iterator[Workload]:
    """Give the workload that builds; what it keeps in between is gone afterwards."""
    from tare.flow.bench.build import BuildWorkload, builder_names, project_of

    # An interpreter of this machine is no base.
    bases = {each.candidate.name: each.candidate.reference if each.image else "" for each in ready}
    names = builder_names(world, arguments.builder, engine.name) if engine is not None else ("tare",)
    with tempfile.TemporaryDirectory(prefix="tare-bench-build-") as scratch:
        project = project_of(arguments.project, suites.APP)
        with contextlib.closing(BuildWorkload(world, project, bases, names, Path(scratch))) as workload:
            yield workload


def _io(
    arguments: BenchArguments, profile: Profile, journal: Journal, database: Database | None, names: list[str]
) -> list[Workload]:
    if database is None:
        return [suites.sqlite(profile)]
    from tare.bench.io import TableWorkload
    from tare.bench.locust_load import LocustGenerator, locusts
    from tare.bench.service import CLOSED, OPEN, Generator, LoadGenerator, ServiceWorkload, lowest_peaks

    generator: LoadGenerator = Generator(python=sys.executable)
    address, identity = "127.0.0.1", ""
    if arguments.load != "tare":
        wanted = locusts(arguments.load)
        generator = LocustGenerator(python=sys.executable, wanted=wanted, free_port=_free_port)
        address, identity = wanted.address or address, f"load by {wanted.workers} of Locust "

    def service(name: str, *, is_open: bool) -> Workload:
        return ServiceWorkload(
            name=name,
            profile=profile,
            database=database,
            driver=arguments.driver,
            generator=generator,
            address=address,
            identity=identity,
            peaks=lambda: lowest_peaks(journal.read().samples, names),
            open=is_open,
            free_port=_free_port,
        )

    return [
        TableWorkload(profile=profile, database=database, driver=arguments.driver),
        service(CLOSED, is_open=False),
        service(OPEN, is_open=True),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


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
