"""`tare bench run`: from arguments to samples."""

from __future__ import annotations

import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tare.bench import suites
from tare.bench.doctor import examine, refuse, vitals
from tare.bench.harness import Bench
from tare.bench.journal import Journal
from tare.bench.profiles import Profile, compat
from tare.bench.result import Plan, Results, Run
from tare.bench.workload import CommandWorkload, Workload, read_commands
from tare.cli.progress import Terminal
from tare.cli.settings import cache_path
from tare.engines.interface import Engine
from tare.errors import UsageError
from tare.flow import bench as flow
from tare.flow.world import World
from tare.oci import platform as platforms

if TYPE_CHECKING:
    from tare.cli.bench import BenchArguments

_STEADY = "local"


def measure(arguments: BenchArguments, world: World, reporter: Terminal, directory: Path, profile: Profile) -> Results:
    """Measure, or go on measuring, and return everything that is there."""
    import platform as this_machine

    journal = Journal(directory)
    names = flow.names_of(arguments.image or _defaults(arguments))
    engine = _engine(arguments)
    workloads = _workloads(arguments, profile)
    looked = vitals(directory)
    findings = list(
        examine(
            looked, profile, engine=arguments.engine or "the engine", unavailable=engine.available() if engine else None
        )
    )
    refuse(findings, arguments.profile or "smoke")
    platform = platforms.parse(this_machine.machine())
    ready = list(flow.prepare(world, names, engine=engine, platform=platform, environments={}))
    baseline = arguments.baseline or next(iter(names))
    if baseline not in names:
        raise UsageError(f"there is no candidate `{baseline}`", hints=(f"Choose one of {', '.join(names)}",))
    ready += [flow.control_of(each) for each in ready if each.candidate.name == baseline]
    block = arguments.block or _STEADY
    run = Run(
        tare=flow.version(),
        plan=Plan(
            profile=arguments.profile or "smoke",
            workloads=tuple(each.name for each in workloads),
            rounds=arguments.rounds or profile.rounds,
            seed=arguments.seed,
            baseline=baseline,
            rows=profile.rows,
            engine=engine.name if engine else "host",
            database=profile.database,
            compat=compat(profile, tuple(each.name for each in workloads)),
        ),
        candidates=tuple(each.candidate for each in ready),
        machines={
            block: flow.machine(
                looked,
                name=socket.gethostname(),
                engine=engine.name if engine else "host",
                warnings=[f"{each.what}: {each.text}" for each in findings if each.kind == "noisy"],
            )
        },
        command=shlex.join(["tare", "bench", *_said()]),
        started=world.now(),
    )
    rounds = _begin(journal, run, arguments)
    bench = Bench(
        places={each.candidate.name: each.place for each in ready},
        workloads=workloads,
        journal=journal,
        seed=arguments.seed,
        block=block,
        now=world.now,
        say=reporter.step,
    )
    with flow.held(engine, ready):
        bench.run(rounds)
    return journal.read()


def _said() -> list[str]:
    return sys.argv[2:]


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


def _workloads(arguments: BenchArguments, profile: Profile) -> list[Workload]:
    wanted = [each.strip() for each in arguments.workloads.split(",") if each.strip()]
    unknown = [each for each in wanted if each not in suites.NAMES]
    if unknown:
        raise UsageError(f"there is no workload `{unknown[0]}`", hints=(f"Choose of {', '.join(suites.NAMES)}",))
    found: list[Workload] = []
    if "start" in wanted:
        found.append(suites.start(profile))
    if "cpu" in wanted:
        found.append(suites.cpu(profile))
    if arguments.define:
        commands = read_commands(Path(arguments.define).read_bytes(), arguments.define)
        found += [CommandWorkload(name=name, command=command) for name, command in commands.items()]
    return found


def _begin(journal: Journal, run: Run, arguments: BenchArguments) -> int:
    """Write the head, or check that what is there is of the same plan; return how many rounds there shall be."""
    if not journal.exists:
        journal.begin(run)
        return run.plan.rounds
    there = journal.read()
    if there.run.plan.compat != run.plan.compat:
        raise UsageError(
            f"`{journal.directory}` has results of other work",
            causes=(f"it is of {there.run.plan.compat[:16]}, this is {run.plan.compat[:16]}",),
            hints=("Name another directory with `--output`",),
        )
    done = 1 + max((each.round for each in there.samples), default=-1)
    rounds = done + arguments.more if arguments.more else max(run.plan.rounds, done)
    machines = {**there.run.machines, **run.machines}
    plan = msgspec.structs.replace(there.run.plan, rounds=rounds)
    journal.begin(msgspec.structs.replace(there.run, plan=plan, machines=machines))
    return rounds
