"""The load generator, against services that stall, break, and are faster than it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from answering import Service

from tare.bench.capacity import capacity
from tare.bench.http_client import connect, request
from tare.bench.judging import judged, lowest_peaks
from tare.bench.load import Loaded, Spec, decoded, histogram, percentiles, run
from tare.bench.result import LIMITED, Sample
from tare.bench.routes import ROUTES, STATEMENTS, miscounted


async def loaded(service: Service, **fields: object) -> Loaded:
    async with service.running():
        told = {
            "port": service.port,
            "parts": {"/db?key={key}": 1.0},
            "keys": 10,
            "seconds": 1.0,
            "connections": 4,
            **fields,
        }
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

    # With two connections only two requests were sent into the silence; the hundred that were due in it waited for up
    # to a second, and sixty did not: the eightieth of all waited for about 0.2 s.
    assert percentiles(found.histogram)[50] > 0.15


def test_requests_that_are_never_answered_count_and_mark_the_cell() -> None:
    """Without them the percentiles would be those of the requests that were answered, and a hanging service fast."""
    service = Service(healthy=0.3, stall=60.0)
    found = asyncio.run(loaded(service, mode="open", rate=100.0, seconds=0.6, connections=64))
    cell = judged("x", found, "sha256:1", wrong=None, rate=False)

    assert found.dropped > 10
    assert decoded(found.histogram).get_total_count() == 60
    assert percentiles(found.histogram)[99] > 4
    assert (cell.status, cell.note) == ("timeout", f"{found.dropped} requests had no answer when the load was ended")


def test_errors_are_counted_and_mark_the_cell() -> None:
    found = asyncio.run(loaded(Service(status=500), mode="closed", seconds=0.1))

    assert (found.requests, found.errors > 0) == (0, True)
    assert judged("x", found, "sha256:1", wrong=None, rate=True).status == "failed"


def test_a_generator_that_cannot_keep_up_is_found_out_and_the_cell_invalid() -> None:
    found = asyncio.run(loaded(Service(), mode="open", rate=100_000.0, seconds=0.1))
    cell = judged("x", found, "sha256:1", wrong=None, rate=False)

    assert cell.status == "invalid"
    assert (cell.note or "").startswith("the load generator ")


def test_a_cell_that_does_not_count_says_what_came_of_it_all_the_same() -> None:
    latencies = histogram()
    latencies.record_value(12_000)
    found = Loaded(requests=900, errors=0, seconds=1.0, histogram=latencies.encode().decode(), busy=0.93)
    cell = judged("x", found, "sha256:1", wrong=None, rate=False, offered=1000.0)

    assert (cell.status, cell.note) == (
        "invalid",
        "the load generator used 93% of a core; 900 requests/s were answered of 1,000, with a p99 of 12.0 ms",
    )


def test_a_peak_that_the_generator_limits_is_a_figure_that_is_not_compared() -> None:
    found = Loaded(requests=900, errors=0, seconds=1.0, histogram=histogram().encode().decode(), busy=0.93)
    cell = judged("x", found, "sha256:1", wrong=None, rate=True)

    assert (cell.status, cell.value, cell.extra[LIMITED]) == ("ok", 900.0, 1.0)
    assert cell.note == "the load generator used 93% of a core: the service may bear more"


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


QUERIES, DB, UPDATE = "/queries?key={key}&n=20", "/db?key={key}", "/update?key={key}&n=20"


@pytest.mark.parametrize(
    ("sent", "counted", "believed"),
    [
        ({QUERIES: 1000}, 20_000, True),
        ({QUERIES: 1000}, 19_650, True),
        ({QUERIES: 1000}, 10_000, False),
        ({QUERIES: 1000}, 25_000, False),
        ({QUERIES: 1000}, 0, False),
        ({DB: 800, UPDATE: 50}, 2_800, True),
        ({DB: 800, UPDATE: 50}, 1_800, False),
        ({DB: 80_000, UPDATE: 5_000}, 270_000, True),
        ({DB: 80_000, UPDATE: 5_000}, 260_000, False),
    ],
)
def test_an_answer_without_its_statements_is_a_mismatch(sent: dict[str, int], counted: int, believed: bool) -> None:
    assert (miscounted(sent, counted) is None) is believed


def test_requests_without_an_answer_may_have_been_executed_or_not() -> None:
    sent = {"/db?key={key}": 4453}

    assert miscounted(sent, 4709, dropped=256) is None
    assert miscounted(sent, 4453, dropped=256) is None
    assert miscounted(sent, 4709) == "4709 statements were executed for 4453 requests, 4453 expected"
    assert miscounted(sent, 4300, dropped=256) == "4300 statements were executed for 4453 requests, 4453 expected"


def test_every_path_of_every_route_has_its_statements_counted() -> None:
    assert {path for route in ROUTES for path in route.parts} == set(STATEMENTS)
    assert all(sum(route.parts.values()) == pytest.approx(1.0) for route in ROUTES)


def test_a_mix_is_sent_in_its_shares() -> None:
    parts = {"/db?key={key}": 0.8, "/range?key={key}": 0.15, "/update?key={key}": 0.05}
    found = asyncio.run(loaded(Service(), mode="open", parts=parts, rate=1000.0, seconds=2.0, connections=64))

    assert sum(found.sent.values()) == found.requests == 2000
    assert {path: found.sent[path] / 2000 for path in parts} == pytest.approx(parts, abs=0.02)


def bearing(real: float, *, busy: float = 0.3) -> Callable[[float], Loaded]:
    """Return a service that answers in a millisecond up to *real* requests a second, and in a second beyond."""

    def offer(rate: float) -> Loaded:
        latencies = histogram()
        latencies.record_value(1_000 if rate <= real else 1_000_000)
        return Loaded(requests=round(rate), errors=0, seconds=1.0, histogram=latencies.encode().decode(), busy=busy)

    return offer


def test_the_capacity_is_found_by_halving() -> None:
    found = capacity(bearing(730.0), top=1600.0, limit=0.05, steps=8)

    assert (found.rate, found.refused, found.saturated) == (725.0, 737.5, None)
    assert found.p99 == pytest.approx(0.001, rel=0.01)


def test_what_bears_the_highest_rate_is_asked_no_further() -> None:
    found = capacity(bearing(5000.0), top=1600.0, limit=0.05, steps=8)

    assert (found.rate, found.refused) == (1600.0, None)


def test_a_service_that_drops_requests_does_not_bear_the_rate() -> None:
    def offer(rate: float) -> Loaded:
        return msgspec.structs.replace(bearing(1e6)(rate), requests=round(min(rate, 400)))

    found = capacity(offer, top=1600.0, limit=0.05, steps=6)

    assert found.rate == 400.0


def test_a_capacity_that_the_generator_limited_says_so() -> None:
    found = capacity(bearing(730.0, busy=0.95), top=1600.0, limit=0.05, steps=4)

    assert found.saturated == "the load generator used 95% of a core"


def test_a_worker_that_did_not_report_makes_the_cell_invalid_and_not_the_answers_wrong() -> None:
    text = histogram().encode().decode()
    found = Loaded(requests=200, errors=0, seconds=1.0, histogram=text, sent={DB: 200}, lost=3)
    cell = judged("x", found, "sha256:1", wrong=miscounted(found.sent, 281), rate=True)

    assert (cell.status, cell.note) == ("invalid", "the load generator lost 3 of its connections")


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


LOADING = """
import sys
from tare.bench.load import Spec
from tare.bench.generator import Generator
spec = Spec(port=int(sys.argv[1]), parts={"/": 1.0}, mode="closed", connections=1, seconds=60.0)
Generator(python=sys.executable).run(spec)
"""


def test_a_generator_ends_with_a_run_that_is_killed() -> None:
    """It is run before all other processes, and would be in the way of the run that goes on."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        command = [sys.executable, "-c", LOADING, str(silent.getsockname()[1])]
        with subprocess.Popen(command, env=environment) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGKILL)
        with connection:
            connection.settimeout(5)
            begun = time.monotonic()
            while connection.recv(4096):
                pass
    assert time.monotonic() - begun < 5
