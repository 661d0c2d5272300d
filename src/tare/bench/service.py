"""The service under load: closed sweeps that find its peak, then an open load at rates that all candidates share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from tare.bench.asking import START, answers, first_answer
from tare.bench.capacity import capacity
from tare.bench.generator import LoadGenerator
from tare.bench.io import table_of
from tare.bench.judging import FIRST, capacity_case, closed_case, judged, latency_case
from tare.bench.load import Loaded, Spec
from tare.bench.places import Job, Outcome, Place, Running
from tare.bench.postgres import Database
from tare.bench.profiles import Profile
from tare.bench.result import Status
from tare.bench.routes import ROUTES, Route, miscounted
from tare.bench.workload import Measured, failure
from tare.errors import MachineError

_GRACE: Final = 2.0
"""Seconds in which a service that broke is seen to have ended."""
_CONNECTIONS: Final = 256
"""Of an open load: as many as may wait for an answer at once."""
_LONGEST_STEP: Final = 15.0
"""Seconds of one step of the search for the capacity."""


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
            raise TimeoutError(f"the service did not answer within {START:.0f} s")
        if not self.open:
            found.append(Measured(case=FIRST, value=first, values=(first,)))
        for route in ROUTES:
            found += self._route(port, route)

    def _cases(self) -> Iterator[str]:
        """Yield the names of all that is measured."""
        if not self.open:
            yield FIRST
        for route in ROUTES:
            if self.open:
                yield from (latency_case(route, share) for share in self._shares(route))
                yield from (capacity_case(route, self.profile.limit),) if route.headline else ()
            else:
                yield from (closed_case(route, users) for users in self._levels(route))

    def _levels(self, route: Route) -> Sequence[int]:
        levels = self.profile.concurrency
        return levels if route.headline else levels[len(levels) // 2 :][:1]

    def _shares(self, route: Route) -> Sequence[float]:
        shares = self.profile.shares
        return shares if route.headline else shares[len(shares) // 2 :][:1]

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
            found.append(judged(closed_case(route, users), loaded, check, wrong=wrong, rate=True))
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
            found.append(judged(latency_case(route, share), loaded, check, wrong=wrong, rate=False, offered=rate))
        return [*found, self._capacity(spec, route, peak)] if route.headline else found

    def _capacity(self, spec: Spec, route: Route, peak: float) -> Measured:
        """Return the highest rate that the candidate bears with a p99 below the profile's limit."""
        spec = msgspec.structs.replace(spec, seconds=min(spec.seconds, _LONGEST_STEP))

        def offer(rate: float) -> Loaded:
            return self.generator.run(msgspec.structs.replace(spec, rate=round(rate, 1)))

        # A closed load's peak is beyond what an open one bears; another candidate may bear more than the weakest.
        found = capacity(offer, top=2 * peak, limit=self.profile.limit, steps=self.profile.halvings)
        measured = Measured(
            case=capacity_case(route, self.profile.limit), value=found.rate, values=(found.rate,), unit="requests/s", lower_is_better=False,
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
