"""`tare bench doctor`: what this machine is fit for, which `tare bench run` looks at, too, before it begins."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tare.bench.doctor import Vitals, examine, vitals
from tare.bench.postgres import missing
from tare.bench.profiles import Profile, profiles
from tare.cli.bench_options import BenchArguments, workloads
from tare.cli.engines import engines
from tare.cli.settings import cache_path
from tare.engines.choose import choose
from tare.errors import MachineError
from tare.report.bench import doctor_text


def doctor(arguments: BenchArguments) -> int:
    """Say what this machine is fit for; 1 if the profile cannot be measured here."""
    directory = Path(arguments.output or ".")
    name = arguments.profile or "smoke"
    engine, unavailable = _engine(arguments)
    wanted = [each.strip() for each in workloads(arguments).split(",")]
    profile = profiles()[name]
    served = "io" in wanted and profile.database == "postgres"
    without = missing() if served and arguments.database is None else None
    looked, here = look(arguments, directory, profile, wanted)
    said = examine(looked, profile, engine=engine, workloads=here, unavailable=unavailable, without=without)
    findings = list(said)
    if arguments.json:
        document = {"schema": "tare.bench-doctor/1", "profile": name, "findings": findings}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
    else:
        sys.stdout.write(doctor_text(findings))
    return 1 if any(each.kind == "impossible" for each in findings) else 0


def _engine(arguments: BenchArguments) -> tuple[str, str | None]:
    """Return the engine that a run would take, and why it cannot; a run without images takes none."""
    if arguments.engine == "host" or (arguments.engine is None and not arguments.image):
        return "host", None
    try:
        return choose(engines(cache_path(arguments.cache_dir)), arguments.engine).engine.name, None
    except MachineError as error:
        return arguments.engine or "every engine", "; ".join(error.causes) or error.message


def files_of_database() -> Path:
    """Return where the database that is started keeps its files, for this run and the next."""
    return Path(tempfile.gettempdir()) / f"tare-bench-postgres-{os.geteuid()}"


def look(
    arguments: BenchArguments, directory: Path, profile: Profile, wanted: Sequence[str]
) -> tuple[Vitals, list[str]]:
    """Return this machine's vitals, and those of the workloads *wanted* that it has to have room for.

    A table that PostgreSQL has here is on the disk of the temporary directory; one of another machine takes nothing here.
    """
    if "io" not in wanted or (profile.database == "sqlite" and arguments.database is None):
        return vitals(directory), list(wanted)
    if arguments.database is None:
        return vitals(directory, files_of_database()), list(wanted)
    elsewhere = urlsplit(arguments.database).hostname not in {None, "localhost", "127.0.0.1", "::1"}
    return vitals(directory), [each for each in wanted if not (each == "io" and elsewhere)]
