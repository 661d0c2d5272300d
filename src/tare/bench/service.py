"""The service under load: closed sweeps that find its peak, then an open load at rates that all candidates share."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tare.bench.capacity import capacity
from tare.bench.http_client import connect, request
from tare.bench.io import table_of
from tare.bench.load import BUSY, Loaded, Spec, percentiles
from tare.bench.places import Job, Outcome, Place, Running
from tare.bench.postgres import Database
from tare.bench.profiles import Profile
from tare.bench.result import LIMITED, Sample, Status
from tare.bench.routes import ROUTES, Route, miscounted
from tare.bench.workload import Measured, failure
from tare.engines.linux import ends_with
from tare.errors import MachineError

_START: Final = 60.0
"""Seconds that a service may take until its first answer."""
_PATIENCE: Final = 120.0
"""Seconds that a load may last beyond its own."""
_ANSWER: Final = 60.0
"""Seconds that one answer may take whose content is looked at."""
_GRACE: Final = 2.0
"""Seconds in which a service that broke is seen to have ended."""
_FIRST: Final = "service: first answer"
_CONNECTIONS: Final = 256
"""Of an open load: as many as may wait for an answer at once."""
_LONGEST_STEP: Final = 15.0
"""Seconds of one step of the search for the capacity."""
CLOSED: Final = "service"
OPEN: Final = "service, open loop"
_LOAD: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from tare.bench.load import main; sys.stdout.write(main(sys.argv[2]))"
)


class LoadGenerator(Protocol):
    """What makes load."""

    def run(self, spec: Spec) -> Loaded:
        """Make the load, and return what came of it; raises `MachineError` if it cannot be made."""
        ...


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """Makes load from a process of its own, with the interpreter of tare."""

    python: str

    def run(self, spec: Spec) -> Loaded:
        source = str(Path(__file__).resolve().parents[2])
        command = [self.python, "-X", "utf8", "-c", _LOAD, source, msgspec.json.encode(spec).decode()]
        most = spec.seconds * 3 + _PATIENCE
        try:
            finished = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=most, env={"PATH": ""},
                preexec_fn=partial(ends_with, os.getpid(), signal.SIGKILL),  # two system calls and no lock
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"requests had no answer within {most:.0f} s") from None
        if finished.returncode:
            said = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
            raise MachineError("the load generator failed", causes=(said[-1],))
        return msgspec.json.decode(finished.stdout, type=Loaded)


class ServiceWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """The service under load; closed sweeps, or an open load at rates that are the same for all candidates."""

    name: str
    profile: Profile
    database: Database
    driver: str
    generator: LoadGenerator
    peaks: Callable[[], dict[str, float]]
    """By path, the peak of the weakest candidate in the first round."""
    open: bool
    free_port: Callable[[], int]
    address: str = "127.0.0.1"
    """Where the service listens: an address that other machines reach, if the load comes from there."""
    identity: str = ""
    """What makes the load, if that is not tare: what two runs have in common whose figures can be compared."""

    def measure(self, candidate: str, place: Place, *, round_seed: str) -> list[Measured]:
        port = self.free_port()
        rows = self.profile.rows
        command = ("service.py", str(port), self.database.url, table_of(rows), str(rows), self.address, self.driver)
        running = place.serve(Job(command=command, environment={"PYTHONHASHSEED": round_seed}, timeout=3 * 3600))
        found: list[Measured] = []
        trouble: Exception | None = None
        try:
            self._all(running, port, found)
        except (OSError, MachineError) as error:
            trouble = error
            _await_end(running)
        finally:
            alive = running.alive()
            outcome = running.stop()
        if trouble is None:
            return [*found[:-1], msgspec.structs.replace(found[-1], counters=outcome.counters)]
        status, note = _broken(trouble) if alive else _ended(outcome)
        done = {each.case for each in found}
        # What was measured is kept, and what was not is there with the reason: no cell is dropped.
        return [*found, *(Measured(case=case, status=status, note=note) for case in self._cases() if case not in done)]

    def _all(self, running: Running, port: int, found: list[Measured]) -> None:
        """Add to *found* as long as the service bears it."""
        first = first_answer(running, self.address, port)
        if first is None:
            raise TimeoutError(f"the service did not answer within {_START:.0f} s")
        if not self.open:
            found.append(Measured(case=_FIRST, value=first, values=(first,)))
        for route in ROUTES:
            found += self._route(port, route)

    def _cases(self) -> Iterator[str]:
        """Yield the names of all that is measured."""
        if not self.open:
            yield _FIRST
        for route in ROUTES:
            if self.open:
                yield from (_latency_case(route, share) for share in self._shares(route))
                yield from (self._capacity_case(route),) if route.headline else ()
            else:
                yield from (_closed_case(route, users) for users in self._levels(route))

    def _levels(self, route: Route) -> Sequence[int]:
        levels = self.profile.concurrency
        return levels if route.headline else levels[len(levels) // 2 :][:1]

    def _shares(self, route: Route) -> Sequence[float]:
        shares = self.profile.shares
        return shares if route.headline else shares[len(shares) // 2 :][:1]

    def _capacity_case(self, route: Route) -> str:
        return f"{route.name}: highest rate with a p99 below {self.profile.limit * 1000:.0f} ms"

    def _route(self, port: int, route: Route) -> list[Measured]:
        check = answers(self.address, port, route)
        spec = Spec(
            host=self.address,
            port=port,
            parts=route.parts,
            keys=self.profile.rows,
            mode="closed",
            connections=8,
            seconds=1.0,
        )
        self.generator.run(spec)  # The primer: connections and caches are not what is measured.
        if self.open:
            return self._open(spec, route, check)
        return self._closed(spec, route, check)

    def _closed(self, spec: Spec, route: Route, check: str) -> list[Measured]:
        found = []
        for users in self._levels(route):
            told = msgspec.structs.replace(spec, connections=users, seconds=self.profile.load_seconds)
            loaded, wrong = self._counted(told)
            found.append(judged(_closed_case(route, users), loaded, check, wrong=wrong, rate=True))
        return found

    def _open(self, spec: Spec, route: Route, check: str) -> list[Measured]:
        peak = self.peaks().get(route.name, 0.0)
        if not peak:
            note = "no candidate had a peak in the closed load"
            cases = (case for case in self._cases() if case.startswith(f"{route.name}: "))
            return [Measured(case=case, status="invalid", note=note) for case in cases]
        spec = msgspec.structs.replace(spec, mode="open", connections=_CONNECTIONS, seconds=self.profile.open_seconds)
        found = []
        for share in self._shares(route):
            rate = max(1.0, round(peak * share, 1))
            loaded, wrong = self._counted(msgspec.structs.replace(spec, rate=rate))
            found.append(judged(_latency_case(route, share), loaded, check, wrong=wrong, rate=False, offered=rate))
        return [*found, self._capacity(spec, route, peak)] if route.headline else found

    def _capacity(self, spec: Spec, route: Route, peak: float) -> Measured:
        """Return the highest rate that the candidate bears with a p99 below the profile's limit."""
        spec = msgspec.structs.replace(spec, seconds=min(spec.seconds, _LONGEST_STEP))

        def offer(rate: float) -> Loaded:
            return self.generator.run(msgspec.structs.replace(spec, rate=round(rate, 1)))

        # A closed load's peak is beyond what an open one bears; another candidate may bear more than the weakest.
        found = capacity(offer, top=2 * peak, limit=self.profile.limit, steps=self.profile.halvings)
        measured = Measured(
            case=self._capacity_case(route), value=found.rate, values=(found.rate,), unit="requests/s", lower_is_better=False,
            extra={"p99": found.p99, "refused": found.refused or 0.0},
        )  # fmt: skip
        if not found.rate:
            note = found.saturated or f"{found.refused:.1f} requests/s were too many, and no lower rate was tried"
            return msgspec.structs.replace(measured, status="invalid", value=None, values=(), note=note)
        if found.saturated:
            return msgspec.structs.replace(measured, status="invalid", note=found.saturated)
        return measured

    def _counted(self, spec: Spec) -> tuple[Loaded, str | None]:
        """Make load, and return what came of it, and why its answers are not believed."""
        self.database.reset_statements()
        loaded = self.generator.run(spec)
        counted = self.database.statements(table_of(self.profile.rows))
        return loaded, miscounted(loaded.sent, counted, dropped=loaded.dropped)


def _closed_case(route: Route, users: int) -> str:
    return f"{route.name}: {users} connection{'s' if users > 1 else ''}"


def _latency_case(route: Route, share: float) -> str:
    return f"{route.name}: latency at {share:.0%} of the weakest peak"


def _await_end(running: Running) -> None:
    """Wait a little: a connection breaks before the process that had it is gone."""
    give_up = time.monotonic() + _GRACE
    while running.alive() and time.monotonic() < give_up:
        time.sleep(0.05)


def _ended(outcome: Outcome) -> tuple[Status, str]:
    """Return what became of a service that ended by itself."""
    return failure(outcome) if outcome.code else ("failed", "the service ended")


def _broken(trouble: Exception) -> tuple[Status, str]:
    """Return what is wrong with a service that is there all the same."""
    causes = trouble.causes if isinstance(trouble, MachineError) else ()
    note = "; ".join((str(trouble) or type(trouble).__name__, *causes))[:500]
    return ("timeout" if isinstance(trouble, TimeoutError) else "failed"), note


def judged(case: str, loaded: Loaded, check: str, *, wrong: str | None, rate: bool, offered: float = 0.0) -> Measured:
    """Return a cell: of a closed load its rate, of an open one its p99; or why it does not count."""
    points = percentiles(loaded.histogram)
    saturated = loaded.saturated(points[99]) if not rate or loaded.lost else None
    if saturated and not rate:
        # What came of it all the same: the report has no other place for it, since the cell does not count.
        saturated += (
            f"; {loaded.rate:,.0f} requests/s were answered of {offered:,.0f}, with a p99 of {points[99] * 1e3:.1f} ms"
        )
    if loaded.lost:
        wrong = None  # What was counted is not all that was sent.
    # A closed load has no timetable to fall behind: the service bears at least what was measured.
    limited = f"{loaded.saturated(points[99])}: the service may bear more" if rate and loaded.busy > BUSY else None
    lost = f"{loaded.dropped} requests had no answer when the load was ended" if loaded.dropped else None
    note = wrong or saturated or (f"{loaded.errors} errors" if loaded.errors else lost or limited)
    status: Status = (
        "mismatch" if wrong else "invalid" if saturated else "failed" if loaded.errors else "timeout" if lost else "ok"
    )
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
            "offered": offered, "lag_p99": loaded.lag_p99, "generator": loaded.busy, "rate": loaded.rate,
            **({LIMITED: 1.0} if limited else {}),
            **{f"p{point:g}": seconds for point, seconds in points.items()},
        },
    )  # fmt: skip


def lowest_peaks(samples: Sequence[Sample], candidates: Sequence[str]) -> dict[str, float]:
    """Return by path the peak of the weakest of *candidates* in the first round."""
    best: dict[tuple[str, str], float] = {}
    for each in samples:
        if (
            each.workload == CLOSED
            and each.round == 0
            and each.unit == "requests/s"
            and each.value
            and each.status == "ok"
        ):
            key = (each.case.partition(":")[0], each.candidate)
            best[key] = max(best.get(key, 0.0), each.value)
    found: dict[str, float] = {}
    for (path, candidate), peak in best.items():
        if candidate in candidates:
            found[path] = min(found.get(path, peak), peak)
    return found


def answers(address: str, port: int, route: Route) -> str:
    """Return what identifies the answers to some fixed requests."""
    return asyncio.run(_answers(address, port, route))


async def _answers(address: str, port: int, route: Route) -> str:
    connection = await connect(address, port)
    total = hashlib.sha256()
    for path in route.parts:
        for key in range(0, 5000, 97):
            head = request(f"{address}:{port}", path.replace("{key}", str(key)))
            try:
                status, body = await asyncio.wait_for(connection.get(head), _ANSWER)
            except TimeoutError:
                raise TimeoutError(f"`{path}` had no answer within {_ANSWER:.0f} s") from None
            total.update(f"{status}\n".encode() + body)
    connection.close()
    return f"sha256:{total.hexdigest()}"


def first_answer(running: Running, address: str, port: int) -> float | None:
    """Return the seconds until the service answers, or None if it ends before, or takes too long."""
    begun = time.monotonic()
    while time.monotonic() < begun + _START and running.alive():
        try:
            if asyncio.run(_healthy(address, port)):
                return time.monotonic() - begun
        except OSError:
            time.sleep(0.005)
    return None


async def _healthy(address: str, port: int) -> bool:
    connection = await connect(address, port)
    try:
        status, _ = await asyncio.wait_for(connection.get(request(address, "/healthz")), 5)
    except TimeoutError:
        return False
    finally:
        connection.close()
    return status == 200
