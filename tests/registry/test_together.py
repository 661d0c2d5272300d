"""Several things at once: one failure ends all of it, and what a registry warns of is said once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixture_registry import Registry
from hostile import drip, refuse, with_headers
from loopback_server import Exchange
from samples import a_registry, client, reference_to, sample_image, seed

from tare.errors import NetworkError
from tare.stores.cache import Cache, hash_file
from tare.stores.registry import manifests, parallel
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.downloads import download
from tare.stores.registry.source import RegistrySource
from tare.stores.registry.warnings import texts


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        yield registry


@pytest.mark.parametrize("threads", [0, 1, 2, 7])
def test_every_item_is_worked_on_once(threads: int) -> None:
    done: list[int] = []
    parallel.run(done.append, range(50), threads=threads, stop=parallel.Stop())
    assert sorted(done) == list(range(50))


def test_no_more_threads_are_at_work_than_were_allowed() -> None:
    working: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            working.append(item)
            most.append(len(working))
        time.sleep(0.005)
        with lock:
            working.remove(item)

    parallel.run(work, range(20), threads=3, stop=parallel.Stop())
    assert 2 <= max(most) <= 3


def test_the_first_failure_ends_all_and_is_the_one_that_is_raised() -> None:
    stop = parallel.Stop()
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 1:
            raise NetworkError("it broke")
        while not stop.set:
            time.sleep(0.001)
        raise parallel.StoppedError

    with pytest.raises(NetworkError, match="it broke"):
        parallel.run(work, range(1000), threads=3, stop=stop)
    assert len(begun) <= 4


def test_a_push_that_fails_in_one_blob_does_not_go_on_with_the_others(registry: Registry) -> None:
    image = sample_image(sizes=(30_000_000, *range(1_000, 1_050)))
    small = image.layers[-1].descriptor.digest
    registry.rule("PUT", small, refuse(403, "DENIED", "quota"))
    with pytest.raises(NetworkError, match="cannot push"):
        RegistryDestination(client(threads=2), reference_to(registry)).write(image)
    assert registry.tag_history == []


def test_blobs_are_uploaded_at_the_same_time(registry: Registry) -> None:
    registry.rule("PUT", "uploads", slow_down)
    started = time.monotonic()
    RegistryDestination(client(threads=8), reference_to(registry)).write(sample_image(sizes=tuple(range(100, 108))))
    assert time.monotonic() - started < 9 * 0.1


def slow_down(registry: Registry, exchange: Exchange) -> None:
    time.sleep(0.1)
    exchange.send(registry.honest(exchange.request))


def test_a_warning_is_passed_on_once(registry: Registry) -> None:
    seed(registry, sample_image())
    registry.rule("GET", "manifests", with_headers(Warning='299 - "this tag goes away", 299 - "pay \\"us\\""'))
    warned: list[str] = []
    repository = client(warn=warned).open(reference_to(registry))
    manifests.get(repository, "1")
    manifests.get(repository, "1")
    assert warned == [f"`{registry.name}` warns: this tag goes away", f'`{registry.name}` warns: pay "us"']


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('299 - "a"', ["a"]),
        ('299 - "a", 199 - "b", 299 - "c"', ["a", "c"]),
        ('299 registry "a"', []),
        ("299 - a", []),
        ('299 - "\x1b[31ma\tb"', ["[31ma b"]),
        ('299 - ""', []),
        ('299 - "' + "a" * 400 + '"', ["a" * 299 + "…"]),
        ('299 - "' + "a" * 5_000 + '"', []),
    ],
)
def test_only_warnings_of_the_specification_are_read(value: str, expected: list[str]) -> None:
    assert list(texts([value])) == expected


KILLED = """
import sys
from pathlib import Path
from tare.oci import reference
from tare.stores.cache import Cache
from tare.stores.registry.downloads import download
from tare.stores.registry.repository import Registries
from tare.stores.registry.settings import Settings
from tare.stores.registry.source import RegistrySource

with Registries(Settings()) as registries:
    image = RegistrySource(registries, reference.parse(sys.argv[1])).read()
    print("ready", flush=True)
    download(image.layers[0], Cache(Path(sys.argv[2])))
"""


def test_a_download_that_was_killed_leaves_nothing_under_its_name_and_goes_on(
    registry: Registry, tmp_path: Path
) -> None:
    image = sample_image(sizes=(3_000_000,))
    seed(registry, image)
    digest = image.layers[0].descriptor.digest
    registry.rule("GET", digest, half_and_wait, {1})
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(reference_to(registry)), str(tmp_path)],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        stdout=subprocess.PIPE,
    )
    part = tmp_path / "partial" / f"{digest[7:]}.part"
    until = time.monotonic() + 20
    while time.monotonic() < until and not (part.exists() and part.stat().st_size >= 1_000_000):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not Cache(tmp_path).path(digest).exists()
    layer = RegistrySource(client(), reference_to(registry)).read().layers[0]
    download(layer, Cache(tmp_path))
    assert hash_file(Cache(tmp_path).path(digest)) == digest
    starts = [seen.headers["range"] for seen in registry.requests if "range" in seen.headers]
    assert len(starts) == 1
    assert 1_000_000 <= int(starts[0].removeprefix("bytes=").removesuffix("-")) < 3_000_000


def half_and_wait(registry: Registry, exchange: Exchange) -> None:
    """Send a half, and keep the connection."""
    reply = registry.honest(exchange.request)
    body = b"".join(reply.pieces())
    exchange.sock.sendall(reply.head() + body[: len(body) // 2 + 1_000])
    registry.server.stopping.wait(20)
    exchange.closed = True


def test_a_layer_that_drips_does_not_hold_up_the_others(registry: Registry) -> None:
    image = sample_image(sizes=(9_000, 8_000))
    seed(registry, image)
    registry.rule("GET", image.layers[0].descriptor.digest, drip(head=False), {1})
    pulled = RegistrySource(client(), reference_to(registry)).read()
    found: dict[int, bytes] = {}

    def fetch(number: int) -> None:
        with pulled.layers[number].open() as stream:
            found[number] = stream.read()

    parallel.run(fetch, (0, 1), threads=2, stop=parallel.Stop())
    assert [len(found[number]) for number in (0, 1)] == [9_000, 8_000]
