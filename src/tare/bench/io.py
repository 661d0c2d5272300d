"""The I/O-bound work: a table loaded, questions asked of it, and a service of it under load."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tare.bench.http_client import connect, request
from tare.bench.load import Loaded, Spec, percentiles
from tare.bench.places import Job, Place, Running
from tare.bench.postgres import Database
from tare.bench.profiles import Profile
from tare.bench.result import Sample, Status
from tare.bench.workload import Measured, Program, ProgramWorkload, failure, reported
from tare.errors import MachineError

QUESTIONS: Final = ("point", "twenty points", "range", "day", "top", "count", "fetch")
STATEMENTS: Final = {"/json?key={key}": 0, "/db?key={key}": 1, "/queries?key={key}&n=20": 20, "/range?key={key}": 1}
"""The paths of the service, and how many statements a request to each executes."""
MARGIN: Final = 0.01
"""Share by which the server's count of statements may differ from requests times statements."""
_START: Final = 60.0
"""Seconds that a service may take until its first answer."""
_LOAD: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from tare.bench.load import main; sys.stdout.write(main(sys.argv[2]))"
)
LOAD_CASES: Final = (
    "postgres: load",
    "postgres: primary key (server)",
    "postgres: index (server)",
    "postgres: analyze (server)",
)


def table_of(rows: int) -> str:
    """Return the name of the table with *rows* rows."""
    return f"event_{rows}"


class TableWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """Loading and asking: the candidate's driver against the same server."""

    profile: Profile
    database: Database
    name: str = "io"

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        found: list[Measured] = []
        rows, table = self.profile.rows, table_of(self.profile.rows)
        if not self.database.remembered(table):
            found += [_renamed(each, "whole table") for each in self._load(place, table, rows, round_seed)]
            if any(each.status != "ok" for each in found):
                return found
            self.database.remember(table)
        found += self._load(place, "event_ingest", min(rows, self.profile.ingest), round_seed)
        self.database.drop("event_ingest")
        ask = Program(
            command=("work_postgres.py", "ask", self.database.url, table, str(rows)),
            cases=tuple(f"postgres: {name}" for name in QUESTIONS),
            timeout=3600,
        )
        return found + ProgramWorkload(name=self.name, programs=(ask,)).measure(candidate, place, round_seed=round_seed)

    def _load(self, place: Place, table: str, rows: int, round_seed: str) -> list[Measured]:
        command = ("work_postgres.py", "load", self.database.url, table, str(rows))
        outcome = place.run(Job(command=command, environment={"PYTHONHASHSEED": round_seed}, timeout=7200))
        return reported(outcome, LOAD_CASES)


def _renamed(measured: Measured, what: str) -> Measured:
    return msgspec.structs.replace(measured, case=measured.case.replace("postgres:", f"postgres, {what}:"))


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """Makes load from a process of its own, with the interpreter of tare."""

    python: str

    def run(self, spec: Spec) -> Loaded:
        source = str(Path(__file__).resolve().parents[2])
        command = [self.python, "-X", "utf8", "-c", _LOAD, source, msgspec.json.encode(spec).decode()]
        finished = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=spec.seconds * 3 + 120, env={"PATH": ""}
        )
        if finished.returncode:
            said = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
            raise MachineError("the load generator failed", causes=(said[-1],))
        return msgspec.json.decode(finished.stdout, type=Loaded)


class ServiceWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """The service under load; closed sweeps, or an open load at rates that are the same for all candidates."""

    name: str
    profile: Profile
    database: Database
    generator: Generator
    peaks: Callable[[], dict[str, float]]
    """By path, the peak of the weakest candidate in the first round."""
    open: bool
    free_port: Callable[[], int]

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        port = self.free_port()
        rows = self.profile.rows
        command = ("service.py", str(port), self.database.url, table_of(rows), str(rows))
        running = place.serve(Job(command=command, environment={"PYTHONHASHSEED": round_seed}, timeout=3 * 3600))
        try:
            first = first_answer(running, port)
            if first is None:
                return [self._failed(running)]
            found = [Measured(case="service: first answer", value=first, values=(first,))] if not self.open else []
            for path, statements in STATEMENTS.items():
                found += self._path(port, path, statements)
        finally:
            outcome = running.stop()
        return [*found[:1], *found[1:-1], msgspec.structs.replace(found[-1], counters=outcome.counters)]

    def _failed(self, running: Running) -> Measured:
        outcome = running.stop()
        case = "service: first answer"
        if not outcome.code:
            return Measured(case=case, status="failed", note="the service did not answer")
        status, note = failure(outcome)
        return Measured(case=case, status=status, note=note)

    def _path(self, port: int, path: str, statements: int) -> list[Measured]:
        check = answers(port, path)
        spec = Spec(port=port, path=path, keys=self.profile.rows, mode="closed", connections=8, seconds=1.0)
        self.generator.run(spec)  # The primer: connections and caches are not what is measured.
        if self.open:
            return self._open(spec, check)
        return self._closed(spec, statements, check)

    def _closed(self, spec: Spec, statements: int, check: str) -> list[Measured]:
        found = []
        for users in self.profile.concurrency:
            told = msgspec.structs.replace(spec, connections=users, seconds=self.profile.load_seconds)
            self.database.reset_statements()
            loaded = self.generator.run(told)
            counted = self.database.statements(table_of(self.profile.rows))
            case = f"{_word(spec.path)}: {users} connections"
            found.append(judged(case, loaded, check, wrong=miscounted(loaded, statements, counted), rate=True))
        return found

    def _open(self, spec: Spec, check: str) -> list[Measured]:
        peak = self.peaks().get(_word(spec.path), 0.0)
        found = []
        for share in self.profile.shares if peak else ():
            rate = max(1.0, round(peak * share, 1))
            told = msgspec.structs.replace(
                spec, mode="open", rate=rate, connections=256, seconds=self.profile.open_seconds
            )
            loaded = self.generator.run(told)
            case = f"{_word(spec.path)}: latency at {share:.0%} of the weakest peak"
            found.append(judged(case, loaded, check, wrong=None, rate=False, offered=rate))
        return found


def judged(case: str, loaded: Loaded, check: str, *, wrong: str | None, rate: bool, offered: float = 0.0) -> Measured:
    """Return a cell: of a closed load its rate, of an open one its p99; or why it does not count."""
    points = percentiles(loaded.histogram)
    saturated = loaded.saturated(points[99]) if not rate else None
    note = wrong or saturated or (f"{loaded.errors} errors" if loaded.errors else None)
    status: Status = "mismatch" if wrong else "invalid" if saturated else "failed" if loaded.errors else "ok"
    value = loaded.rate if rate else points[99]
    return Measured(
        case=case,
        status=status,
        value=value,
        values=(value,),
        unit="requests/s" if rate else "s",
        lower_is_better=not rate,
        check=check,
        histogram=loaded.histogram,
        note=note,
        extra={
            "requests": float(loaded.requests), "errors": float(loaded.errors), "dropped": float(loaded.dropped),
            "offered": offered, "lag_p99": loaded.lag_p99, "generator": loaded.busy,
            **{f"p{point:g}": seconds for point, seconds in points.items()},
        },
    )  # fmt: skip


def miscounted(loaded: Loaded, statements: int, counted: int) -> str | None:
    """Return why the answers are not believed: the server executed another number of statements."""
    wanted = (loaded.requests + loaded.errors) * statements
    # A request that was under way when the load ended may have been counted by one side only.
    slack = max(MARGIN * wanted, 20 * statements)
    if abs(counted - wanted) <= slack:
        return None
    return f"{counted} statements were executed for {loaded.requests} requests, {wanted} expected"


def lowest_peaks(samples: Sequence[Sample], candidates: Sequence[str]) -> dict[str, float]:
    """Return by path the peak of the weakest of *candidates* in the first round."""
    best: dict[tuple[str, str], float] = {}
    for each in samples:
        if each.round == 0 and each.unit == "requests/s" and each.value and each.status == "ok":
            key = (each.case.partition(":")[0], each.candidate)
            best[key] = max(best.get(key, 0.0), each.value)
    found: dict[str, float] = {}
    for (path, candidate), peak in best.items():
        if candidate in candidates:
            found[path] = min(found.get(path, peak), peak)
    return found


def answers(port: int, path: str) -> str:
    """Return what identifies the answers to some fixed requests."""
    return asyncio.run(_answers(port, path))


async def _answers(port: int, path: str) -> str:
    connection = await connect("127.0.0.1", port)
    total = hashlib.sha256()
    for key in range(0, 5000, 97):
        status, body = await connection.get(request(f"127.0.0.1:{port}", path.replace("{key}", str(key))))
        total.update(f"{status}\n".encode() + body)
    connection.close()
    return f"sha256:{total.hexdigest()}"


def first_answer(running: Running, port: int) -> float | None:
    """Return the seconds until the service answers, or None if it ends before, or takes too long."""
    begun = time.monotonic()
    while time.monotonic() < begun + _START and running.alive():
        try:
            if asyncio.run(_healthy(port)):
                return time.monotonic() - begun
        except OSError:
            time.sleep(0.005)
    return None


async def _healthy(port: int) -> bool:
    connection = await connect("127.0.0.1", port)
    try:
        status, _ = await asyncio.wait_for(connection.get(request("127.0.0.1", "/healthz")), 5)
    except TimeoutError:
        return False
    finally:
        connection.close()
    return status == 200


def _word(path: str) -> str:
    return path.partition("?")[0]
