"""Load by Locust's master and several workers, on loopback: the same figures as of our own generator."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from answering import Service

from tare.bench.load import Spec, decoded, percentiles
from tare.bench.locust_load import LocustGenerator, Locusts, address_of, locusts, missing
from tare.errors import UsageError


@contextlib.contextmanager
def serving(service: Service) -> Iterator[Service]:
    """Run *service* in a thread of its own, while a subprocess asks it."""
    ready, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with service.running():
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def generator(workers: int) -> LocustGenerator:
    return LocustGenerator(python=sys.executable, wanted=Locusts(workers=workers), free_port=free_port)


def marked(test: Callable[[], None]) -> Callable[[], None]:
    """Mark a test that runs Locust: a master and its workers take seconds to begin and to end."""
    without = pytest.mark.skipif(missing() is not None, reason="there is no Locust")
    return pytest.mark.e2e(without(test))


PARTS = {"/db?key={key}": 0.8, "/range?key={key}": 0.2}


@marked
def test_three_workers_share_an_open_load_and_their_histograms_are_added() -> None:
    with serving(Service()) as service:
        found = generator(3).run(
            Spec(port=service.port, parts=PARTS, keys=100, mode="open", connections=30, rate=150.0, seconds=2.0)
        )

    assert (found.requests, found.errors, found.dropped) == (300, 0, 0)
    assert service.requests == sum(found.sent.values()) == decoded(found.histogram).get_total_count() == 300
    assert 0.7 < found.sent["/db?key={key}"] / 300 < 0.9
    assert 0 < found.busy < 1.5


@marked
def test_two_workers_share_a_closed_load() -> None:
    with serving(Service()) as service:
        found = generator(2).run(
            Spec(port=service.port, parts=PARTS, keys=100, mode="closed", connections=4, seconds=1.0)
        )

    assert found.requests == service.requests == decoded(found.histogram).get_total_count() > 20
    assert 0.9 < found.seconds < 2.5


@marked
def test_a_stall_is_seen_since_latency_counts_from_the_timetable() -> None:
    with serving(Service(healthy=3.0, stall=1.5, from_first=True)) as service:
        found = generator(2).run(
            Spec(port=service.port, parts={"/": 1.0}, mode="open", connections=8, rate=80.0, seconds=6.0)
        )

    assert found.requests == 480
    # A quarter of the requests were due in the silence, although only eight were sent into it.
    assert percentiles(found.histogram, (80,))[80] > 0.1


@pytest.mark.parametrize("text", ["locust", "locust:0", "locust:2@host", "k6:3", "locust:2@host:70000"])
def test_a_load_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        locusts(text)

    assert caught.value.message == f"`--load {text}` is not understood"


@pytest.mark.parametrize("text", ["host", ":5557", "host:0", "host:70000", "host:1:2", ""])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        address_of(text)

    assert caught.value.message == f"`{text}` is no address"
