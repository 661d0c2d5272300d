"""The load generator, against services that stall, break, and are faster than it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tare.bench.http_client import connect, request
from tare.bench.io import judged, lowest_peaks, miscounted
from tare.bench.load import Loaded, Spec, decoded, histogram, percentiles, run
from tare.bench.result import Sample


class Service:
    """Answers at once; but for *stall* seconds, after *healthy* ones, it does not answer at all."""

    def __init__(self, *, healthy: float = 0.0, stall: float = 0.0, status: int = 200) -> None:
        self._healthy, self._stall, self._status = healthy, stall, status
        self.requests = 0
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        server = await loop.create_server(lambda: Answering(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    def silence(self, now: float) -> float:
        """Return the seconds until the service answers again."""
        since = now - self._began - self._healthy
        return self._stall - since if self._stall and 0 <= since < self._stall else 0.0

    @property
    def answer(self) -> bytes:
        return f"HTTP/1.1 {self._status} X\r\nContent-Length: 2\r\n\r\nok".encode()


class Answering(asyncio.Protocol):
    """One connection of the service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._service.silence(loop.time()), self._answer)

    def _answer(self) -> None:
        self._service.requests += 1
        if not self._transport.is_closing():
            self._transport.write(self._service.answer)


async def loaded(service: Service, **fields: object) -> Loaded:
    async with service.running():
        told = {"port": service.port, "path": "/db?key={key}", "keys": 10, "seconds": 1.0, "connections": 4, **fields}
        return await run(Spec(**told))  # type: ignore[arg-type]


def test_a_closed_load_asks_again_and_counts_each_answer() -> None:
    service = Service()
    found = asyncio.run(loaded(service, mode="closed", seconds=0.3))

    assert found.requests == service.requests == decoded(found.histogram).get_total_count() > 3
    assert found.errors == 0


def test_a_stall_is_seen_by_the_open_load_and_hidden_from_the_closed_one() -> None:
    """A second of silence in three: of the requests that were due, a third waited; of those that were sent, four."""
    open_load = asyncio.run(
        loaded(Service(healthy=1.0, stall=1.0), mode="open", rate=200.0, seconds=3.0, connections=64)
    )
    closed = asyncio.run(loaded(Service(healthy=1.0, stall=1.0), mode="closed", seconds=3.0))

    assert percentiles(open_load.histogram)[99] > 0.9
    assert percentiles(closed.histogram)[99] < 0.3
    assert percentiles(closed.histogram)[100] > 0.9


def test_latency_counts_from_the_time_that_was_set_even_without_a_free_connection() -> None:
    found = asyncio.run(loaded(Service(healthy=0.5, stall=1.0), mode="open", rate=100.0, seconds=1.6, connections=2))

    # With two connections only two requests were sent into the silence; all that were due in it waited.
    assert percentiles(found.histogram)[50] > 0.2


def test_errors_are_counted_and_mark_the_cell() -> None:
    found = asyncio.run(loaded(Service(status=500), mode="closed", seconds=0.1))

    assert (found.requests, found.errors > 0) == (0, True)
    assert judged("x", found, "sha256:1", wrong=None, rate=True).status == "failed"


def test_a_generator_that_cannot_keep_up_is_found_out_and_the_cell_invalid() -> None:
    found = asyncio.run(loaded(Service(), mode="open", rate=100_000.0, seconds=0.1))
    cell = judged("x", found, "sha256:1", wrong=None, rate=False)

    assert cell.status == "invalid"
    assert (cell.note or "").startswith("the load generator ")


@pytest.mark.parametrize(
    ("busy", "lag", "p99", "why"),
    [
        (0.5, 0.0005, 0.01, None),
        (0.9, 0.0005, 0.01, "the load generator used 90% of a core"),
        (0.5, 0.002, 0.01, "the load generator was 2.0 ms late"),
        (0.5, 0.002, 0.5, None),
    ],
)
def test_the_generators_own_part_has_to_be_small(busy: float, lag: float, p99: float, why: str | None) -> None:
    text = histogram().encode().decode()
    found = Loaded(requests=1, errors=0, seconds=1.0, histogram=text, busy=busy, lag_p99=lag)

    assert found.saturated(p99) == why


@pytest.mark.parametrize(
    ("counted", "believed"), [(20_000, True), (19_850, True), (10_000, False), (25_000, False), (0, False)]
)
def test_an_answer_without_its_statements_is_a_mismatch(counted: int, believed: bool) -> None:
    found = Loaded(requests=1000, errors=0, seconds=1.0, histogram=histogram().encode().decode())

    assert (miscounted(found, 20, counted) is None) is believed


def test_histograms_of_several_generators_add_up_exactly() -> None:
    parts = [histogram() for _ in range(3)]
    whole = histogram()
    for number in range(3000):
        parts[number % 3].record_value(number + 1)
        whole.record_value(number + 1)
    added = histogram()
    for part in parts:
        added.decode_and_add(part.encode())

    assert added.get_total_count() == 3000
    assert [added.get_value_at_percentile(p) for p in (50, 99, 100)] == [
        whole.get_value_at_percentile(p) for p in (50, 99, 100)
    ]


def test_an_answer_without_a_length_ends_the_connection() -> None:
    async def ask() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nendless")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            connection = await connect("127.0.0.1", server.sockets[0].getsockname()[1])
            await connection.get(request("127.0.0.1", "/"))

    with pytest.raises(ConnectionResetError, match="the answer is not"):
        asyncio.run(ask())


def test_offered_rates_follow_from_the_weakest_candidate_in_the_first_round() -> None:
    def sample(candidate: str, case: str, value: float, number: int = 0) -> Sample:
        return Sample(workload="service", case=case, candidate=candidate, round=number, order=0, block="local", value=value,
                      unit="requests/s")  # fmt: skip

    samples = [
        sample("slim", "/db: 4 connections", 900.0), sample("slim", "/db: 16 connections", 1000.0),
        sample("alpine", "/db: 4 connections", 700.0), sample("alpine", "/db: 16 connections", 800.0),
        sample("alpine", "/db: 16 connections", 100.0, number=1),
    ]  # fmt: skip

    assert lowest_peaks(samples, ["slim", "alpine"]) == {"/db": 800.0}
