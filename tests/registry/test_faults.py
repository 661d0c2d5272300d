"""A network that fails: every way × pull and push × the first, a middle and the last request."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_proxy import NONE, Fault, faulty
from fixture_registry import Registry, Synthetic
from hostile import cut, refuse, say
from loopback_server import Exchange
from samples import Waits, a_registry, client, noise, reference_to, sample_image, seed

from tare.errors import NetworkError
from tare.net.connection import Limits
from tare.oci import media_types
from tare.oci import reference as references
from tare.oci.descriptor import Descriptor
from tare.oci.image import memory_blob
from tare.oci.reference import Reference
from tare.stores.cache import Cache, hash_file
from tare.stores.registry import uploads
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.downloads import download
from tare.stores.registry.repository import Repository
from tare.stores.registry.source import BlobOpener, RegistrySource
from tare.stores.verified import VerifiedBlob

IMAGE = sample_image(sizes=(200_000, 90_000, 500))

SHORT = Limits(connect=2.0, answer=0.25, silence=0.25, rate=1024, window=0.5)

FAULTS = {
    "latency": Fault("latency", "down", 0.15),
    "latency of requests": Fault("latency", "up", 0.15),
    "down": Fault("down", amount=3),
    "bandwidth": Fault("bandwidth", "down", 400_000),
    "bandwidth of requests": Fault("bandwidth", "up", 400_000),
    "slow close": Fault("slow_close", amount=0.3),
    "timeout": Fault("timeout", "down", 2.0),
    "timeout of requests": Fault("timeout", "up", 2.0),
    "reset at once": Fault("reset", "down", 0),
    "reset after 20 bytes": Fault("reset", "down", 20),
    "reset after 50,000 bytes": Fault("reset", "down", 50_000),
    "reset of a request": Fault("reset", "up", 300),
    "reset of a large request": Fault("reset", "up", 50_000),
    "slices": Fault("slice", "down", 7),
    "slices of requests": Fault("slice", "up", 41),
    "limit": Fault("limit", "down", 100),
    "limit of 50,000 bytes": Fault("limit", "down", 50_000),
    "limit of a request": Fault("limit", "up", 100),
}


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        yield registry


def through(port: int) -> Reference:
    return references.parse(f"127.0.0.1:{port}/team/app:1")


def pull(port: int) -> None:
    image = RegistrySource(client(threads=1, limits=SHORT), through(port)).read()
    assert image.raw == IMAGE.raw
    for got, meant in zip(image.layers, IMAGE.layers, strict=True):
        with got.open() as stream, meant.open() as other:
            assert stream.read() == other.read()


def push(port: int) -> None:
    RegistryDestination(client(threads=1, limits=SHORT), through(port)).write(IMAGE)


def count_requests(operation: str) -> int:
    """Return how many requests an undisturbed run makes."""
    with a_registry() as registry:
        run(operation, registry, NONE, 1)
        return len(registry.requests)


def run(operation: str, registry: Registry, fault: Fault, number: int) -> int:
    if operation == "pull":
        seed(registry, IMAGE)
    with faulty(registry.server.port, fault, number=number) as proxy:
        (pull if operation == "pull" else push)(proxy.port)
        return proxy.hits


PLACES = {
    (operation, place): {"first": 1, "middle": (count + 1) // 2, "last": count}[place]
    for operation in ("pull", "push")
    for count in [count_requests(operation)]
    for place in ("first", "middle", "last")
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
@pytest.mark.parametrize("where", list(PLACES), ids=" ".join)
def test_one_failure_of_the_network_is_overcome(registry: Registry, fault: Fault, where: tuple[str, str]) -> None:
    assert run(where[0], registry, fault, PLACES[where]) == 1
    if where[0] == "push":
        assert registry.repository("team/app").tags == {"1": IMAGE.digest}
        assert len(set(registry.tag_history)) == 1
        for blob in IMAGE.blobs:
            with blob.open() as stream:
                assert registry.blobs[blob.descriptor.digest] == stream.read()


def layer_at(repository: Repository, descriptor: Descriptor) -> VerifiedBlob:
    opener = BlobOpener((repository,), descriptor, "the layer")
    return VerifiedBlob(descriptor=descriptor, what="the layer", opener=opener)


def test_a_blob_that_is_cut_at_twenty_places_is_fetched_once(registry: Registry, tmp_path: Path) -> None:
    data = noise("cut", 23_000_000)
    digest = registry.add_blob("team/app", data)
    registry.rule("GET", digest, cut(1_100_001), range(1, 21))
    waits = Waits()
    repository = client(waits).open(reference_to(registry))
    descriptor = Descriptor(media_type=media_types.LAYER_GZIP, digest=digest, size=len(data))
    found = download(layer_at(repository, descriptor), Cache(tmp_path))
    starts = [int(seen.headers.get("range", "bytes=0-")[6:-1]) for seen in registry.requests]
    assert hash_file(found.path) == digest
    assert starts == [number * 1_100_001 for number in range(21)]
    assert len(waits.slept) == 20


@pytest.mark.slow
def test_a_gibibyte_that_is_cut_at_twenty_places_is_fetched_once(registry: Registry, tmp_path: Path) -> None:
    blob = Synthetic(1 << 30)
    digest = registry.add_blob("team/app", blob)
    with faulty(registry.server.port, Fault("reset", "down", 51_000_000), number=1, times=20) as proxy:
        descriptor = Descriptor(media_type=media_types.LAYER_GZIP, digest=digest, size=len(blob))
        repository = client().open(through(proxy.port))
        found = download(layer_at(repository, descriptor), Cache(tmp_path))
        assert hash_file(found.path) == digest
        assert proxy.hits == 20
        again = proxy.passed - len(blob)
    assert again < 20 * 4 * 1024 * 1024, "what was under way in buffers when the connection broke, and heads"


def test_an_upload_that_breaks_goes_on_where_the_registry_has_it(registry: Registry) -> None:
    blob = memory_blob(noise("up", 9_000_000), media_types.LAYER_GZIP)
    with faulty(registry.server.port, Fault("limit", "up", 5_000_000), number=2) as proxy:
        repository = client(chunk=3_000_000).open(through(proxy.port), doing="push")
        counted: list[int] = []
        uploads.upload(repository, blob, progress=counted.append)
    received = sum(seen.received for seen in registry.requests)
    assert registry.blobs[blob.descriptor.digest] == blob.data
    assert received < 9_000_000 + 300_000
    assert sum(counted) == 9_000_000


@pytest.mark.parametrize("resumed", [True, False])
def test_an_upload_that_took_long_before_it_broke_goes_on(registry: Registry, *, resumed: bool) -> None:
    """The deadline is for requests that move nothing: on a slow line one large blob takes longer."""
    blob = memory_blob(noise("up", 9_000_000), media_types.LAYER_GZIP)
    if not resumed:
        registry.rule("GET", ".*/uploads/.*", refuse(404, "BLOB_UPLOAD_UNKNOWN"))
    waits = Waits()
    times = iter((400.0,))

    def takes_long(count: int) -> None:
        waits.slept.extend(times if count > 0 else ())

    with faulty(registry.server.port, Fault("limit", "up", 5_000_000), number=2) as proxy:
        repository = client(waits, chunk=3_000_000, deadline=300.0).open(through(proxy.port), doing="push")
        uploads.upload(repository, blob, progress=takes_long)
    assert registry.blobs[blob.descriptor.digest] == blob.data
    assert sum(waits.slept) > 400


def test_an_upload_that_breaks_all_the_time_is_given_up(registry: Registry) -> None:
    blob = memory_blob(noise("up", 900_000), media_types.LAYER_GZIP)
    waits = Waits()
    with faulty(registry.server.port, Fault("reset", "up", 50_000), number=1, times=10_000) as proxy:
        repository = client(waits, attempts=4).open(through(proxy.port), doing="push")
        with pytest.raises(NetworkError, match="cannot push"):
            uploads.upload(repository, blob)
    assert len(waits.slept) == 3


def test_a_registry_that_never_has_what_was_sent_is_given_up(registry: Registry) -> None:
    blob = memory_blob(noise("up", 4_000_000), media_types.LAYER_GZIP)
    registry.rule("PATCH", ".*", say(202, {"Range": "0-0", "Location": "/v2/team/app/blobs/uploads/x"}))
    waits = Waits()
    repository = client(waits, chunk=3_000_000).open(reference_to(registry), doing="push")
    with pytest.raises(NetworkError) as caught:
        uploads.upload(repository, blob)
    causes = [cause.rpartition(": ")[2] for cause in caught.value.causes]
    assert causes == ["it says that it has 1 of 4,000,000 bytes", "it was tried 6 times"]
    assert len(waits.slept) == 5


def test_a_chunk_that_arrived_is_progress(registry: Registry) -> None:
    blob = memory_blob(noise("up", 9_000_000), media_types.LAYER_GZIP)
    registry.rule("PATCH", ".*", say(500), times=range(2, 20, 2))
    waits = Waits()
    repository = client(waits, attempts=2, chunk=1_500_000, always_chunk=True).open(
        reference_to(registry), doing="push"
    )
    uploads.upload(repository, blob)
    assert registry.blobs[blob.descriptor.digest] == blob.data
    assert len(waits.slept) == 5


def test_a_registry_that_forgets_what_it_said_that_it_has_is_given_up(registry: Registry) -> None:
    """What an upload wins counts once: otherwise a registry that breaks, confirms and forgets would hold us for ever."""
    blob = memory_blob(noise("up", 4_000_000), media_types.LAYER_GZIP)
    broken = itertools.cycle((say(500), refuse(404, "BLOB_UPLOAD_UNKNOWN")))

    def patched(its: Registry, exchange: Exchange) -> None:
        next(broken)(its, exchange)

    registry.rule("PATCH", ".*", patched)
    registry.rule("GET", ".*/uploads/.*", say(204, {"Range": "0-1999999", "Location": "/v2/team/app/blobs/uploads/x"}))
    waits = Waits()
    repository = client(waits, chunk=3_000_000).open(reference_to(registry), doing="push")
    with pytest.raises(NetworkError, match="cannot push"):
        uploads.upload(repository, blob)
    assert len(waits.slept) < 20


def test_the_digest_of_a_synthetic_blob_is_right() -> None:
    blob = Synthetic(5_000_000)
    assert blob.digest == f"sha256:{hashlib.sha256(b''.join(blob.read(0, 5_000_000))).hexdigest()}"
    assert b"".join(blob.read(1_234_567, 2_345_678)) == b"".join(blob.read(0, 5_000_000))[1_234_567:2_345_678]
