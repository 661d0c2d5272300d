"""Load on a service, in a process of its own that is never in the candidate's image.

*Closed*: N connections, each of which asks again when it has an answer. It finds the peak and says nothing of waiting,
since a service that stands still is asked nothing. *Open*: requests at times that were set beforehand, whether or not
the service keeps up; the latency counts from the time that was set. The same rate is offered to all candidates.

`main` takes a JSON `Spec` and returns a JSON `Loaded`; `generator.Generator` runs it in a process of its own.

https://www.scylladb.com/2021/04/22/on-coordinated-omission/ explains the difference.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from tare.bench.http_client import Connection, connect, request
from tare.bench.pacing import Alarm, step_forward
from tare.errors import MachineError

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

HIGHEST: Final = 120_000_000
"""Microseconds; longer ones are counted as that."""
LATE: Final = 0.001
"""Seconds that a request may start after its time through the generator's fault."""
BUSY: Final = 0.8
"""Share of one core above which the generator is what is measured."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What load to make."""

    host: str = "127.0.0.1"
    port: int
    parts: Mapping[str, float]
    """Paths, and how often each is asked for; `{key}` stands for a number that is drawn anew for each request."""
    keys: int = 1
    mode: Literal["closed", "open"]
    connections: int
    rate: float = 0.0
    """Requests per second, of an open load."""
    seconds: float
    seed: int = 108


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    requests: int
    """That were answered with 200."""
    errors: int
    seconds: float
    histogram: str
    """Latencies in µs, HdrHistogram V2."""
    lag_p99: float = 0.0
    """Seconds after its time that the generator started a request for which there was a connection."""
    busy: float = 0.0
    """Share of one core that the generator used."""
    sent: dict[str, int] = {}
    """By path, requests that were sent and answered, or ended in an error."""
    planned: float = 0.0
    """Seconds in which an open load was to be sent; 0 where nobody says."""
    lost: int = 0
    """Connections of which a worker did not tell what became of them."""
    dropped: int = 0
    """Requests whose time had come, and that had no answer when the load was ended."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0

    def saturated(self, p99: float) -> str | None:
        """Return why the generator itself was the limit, or None; *p99* is the latency that was measured."""
        if self.lost:
            return f"the load generator lost {self.lost} of its connections"
        if self.busy > BUSY:
            return f"the load generator used {self.busy:.0%} of a core"
        if self.planned and self.seconds > 1.1 * self.planned + 0.05:
            return f"the load generator sent in {self.seconds:.1f} s what was due in {self.planned:.1f} s"
        if self.lag_p99 > max(LATE, 0.1 * p99):
            return f"the load generator was {self.lag_p99 * 1000:.1f} ms late"
        return None


def histogram() -> HdrHistogram:
    """Return an empty histogram of latencies."""
    try:
        from hdrh.histogram import HdrHistogram as Histogram
    except ImportError:
        raise MachineError(
            "the latencies of a load need `hdrhistogram`",
            hints=("Install the extra: `pip install 'pytare[bench]'`",),
        ) from None
    return Histogram(1, HIGHEST, 3)


def decoded(text: str) -> HdrHistogram:
    """Return a histogram from its text; histograms of several generators are added exactly."""
    made = histogram()
    made.decode_and_add(text.encode())
    return made


def percentiles(text: str, points: tuple[float, ...] = (50, 90, 99, 99.9, 100)) -> dict[float, float]:
    """Return latencies in seconds at *points*."""
    made = decoded(text)
    return {point: float(made.get_value_at_percentile(point)) / 1e6 for point in points}


async def run(spec: Spec) -> Loaded:
    """Make the load."""
    return await (_Open(spec).run() if spec.mode == "open" else _Closed(spec).run())


class _Load:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.dice = random.Random(spec.seed)
        self.latencies: list[float] = []
        """In seconds; counted afterwards, since a histogram takes longer for each than to note it."""
        self.requests = self.errors = 0
        self._paths = tuple(spec.parts)
        self._weights = tuple(itertools.accumulate(spec.parts.values()))
        self._sent = dict.fromkeys(self._paths, 0)
        self._opened: list[Connection] = []

    def head(self) -> tuple[str, bytes]:
        """Return a path of the mix and a whole request for it."""
        path = self._paths[0]
        if len(self._paths) > 1:
            path = self.dice.choices(self._paths, cum_weights=self._weights)[0]
        asked = path.replace("{key}", str(self.dice.randrange(self.spec.keys)))
        return path, request(f"{self.spec.host}:{self.spec.port}", asked)

    async def ask(self, connection: Connection, since: float) -> Connection:
        """Send one request, count its latency from *since* on, and return a connection for the next one."""
        path, head = self.head()
        try:
            status, _ = await connection.get(head)
        except OSError:
            status = 0
        self._sent[path] += 1
        self.record(time.perf_counter() - since)
        if status == 200:
            self.requests += 1
        else:
            self.errors += 1
        return connection if not connection.closed else await self.connection()

    def record(self, seconds: float) -> None:
        """Note a latency."""
        self.latencies.append(seconds)

    async def connection(self) -> Connection:
        made = await connect(self.spec.host, self.spec.port)
        self._opened.append(made)
        return made

    async def close(self) -> None:
        """Close every connection, and let the loop see it."""
        for each in self._opened:
            each.close()
        await asyncio.sleep(0)

    def loaded(self, seconds: float, busy: float, **others: Any) -> Loaded:  # noqa: ANN401  # fields of Loaded
        counted = histogram()
        for each in self.latencies:
            counted.record_value(max(1, min(HIGHEST, round(each * 1e6))))
        return Loaded(
            requests=self.requests, errors=self.errors, seconds=seconds, histogram=counted.encode().decode(), busy=busy / seconds,
            sent=self._sent, **others,
        )  # fmt: skip


class _Closed(_Load):
    async def run(self) -> Loaded:
        begun, cpu = time.perf_counter(), time.process_time()
        end = begun + self.spec.seconds
        await asyncio.gather(*(self._user(end) for _ in range(self.spec.connections)))
        seconds, busy = time.perf_counter() - begun, time.process_time() - cpu
        await self.close()
        return self.loaded(seconds, busy)

    async def _user(self, end: float) -> None:
        connection = await self.connection()
        while (now := time.perf_counter()) < end:
            connection = await self.ask(connection, now)


class _Open(_Load):
    async def run(self) -> Loaded:
        idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for _ in range(self.spec.connections):
            idle.put_nowait(await self.connection())
        running: dict[asyncio.Task[None], float] = {}
        alarm = Alarm()
        begun, cpu = time.perf_counter(), time.process_time()
        lags = [lag async for lag in self._sent_in_time(idle, running, alarm, begun)]
        seconds, busy = time.perf_counter() - begun, time.process_time() - cpu
        alarm.close()
        if running:
            await asyncio.wait(list(running), timeout=max(5.0, self.spec.seconds))
        late = dict(running)
        for task, due in late.items():
            # It waited for as long as this at least: left out, the percentiles would be those of who was answered.
            self.record(time.perf_counter() - due)
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await self.close()
        lag = sorted(lags)[min(len(lags) - 1, len(lags) * 99 // 100)]
        return self.loaded(seconds, busy, lag_p99=lag, planned=len(lags) / self.spec.rate, dropped=len(late))

    async def _sent_in_time(
        self, idle: asyncio.LifoQueue[Connection], running: dict[asyncio.Task[None], float], alarm: Alarm, begun: float
    ) -> AsyncIterator[float]:
        """Start each request at its time, and give how much later that was."""
        for number in range(max(1, round(self.spec.rate * self.spec.seconds))):
            due = begun + number / self.spec.rate
            if due > time.perf_counter() or number % 16 == 0:
                await alarm.until(due)  # When behind, answers have to be read all the same.
            yield time.perf_counter() - due
            task = asyncio.create_task(self._one(idle, due))
            running[task] = due
            task.add_done_callback(lambda done: running.pop(done, None))

    async def _one(self, idle: asyncio.LifoQueue[Connection], due: float) -> None:
        connection = await idle.get()
        idle.put_nowait(await self.ask(connection, due))


def main(argument: str) -> str:
    """Run the load that *argument* describes, and return what came of it, as JSON."""
    spec = msgspec.json.decode(argument.encode(), type=Spec)
    step_forward()
    return msgspec.json.encode(asyncio.run(run(spec))).decode()
