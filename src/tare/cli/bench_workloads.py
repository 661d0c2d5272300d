"""`tare bench run`: from arguments to workloads."""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tare.bench import suites
from tare.bench.journal import Journal
from tare.bench.load import histogram
from tare.bench.postgres import Database
from tare.bench.profiles import Profile
from tare.bench.workload import CommandWorkload, Workload, read_commands
from tare.cli.bench_options import BenchArguments, workloads
from tare.engines.interface import Engine
from tare.errors import UsageError
from tare.flow.bench.candidates import Ready
from tare.flow.world import World


def wanted_of(arguments: BenchArguments) -> list[str]:
    """Return the names of the workloads, or raise `UsageError` when there is nothing to measure, or no such workload."""
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


def make_workloads(
    arguments: BenchArguments,
    *,
    wanted: Sequence[str],
    profile: Profile,
    journal: Journal,
    database: Database | None,
    names: list[str],
) -> list[Workload]:
    """Return the workloads of *wanted*, and those of the file that is named; `build` needs `building`."""
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
def building(
    arguments: BenchArguments, world: World, ready: Sequence[Ready], engine: Engine | None
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
    from tare.bench.generator import Generator, LoadGenerator
    from tare.bench.io import TableWorkload
    from tare.bench.judging import CLOSED, OPEN, lowest_peaks
    from tare.bench.locust_load import LocustGenerator, locusts
    from tare.bench.service import ServiceWorkload

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


def check_load(load: str, *, served: bool) -> None:
    """Raise if what is to make load is not understood, or not installed: before anything is built or loaded."""
    if served:
        histogram()
    if load == "tare":
        return
    from tare.bench.locust_load import locusts, missing

    locusts(load)
    if (error := missing()) is not None:
        raise error


def installed(wanted: Sequence[str], *, served: bool) -> list[Path]:
    """Return the projects of which every image gets the first that it can have; none if the standard library is enough."""
    more = [suites.LEARNING] if "learning" in wanted else []
    return [*more, suites.PROJECT] if more or served or "frames" in wanted else []
