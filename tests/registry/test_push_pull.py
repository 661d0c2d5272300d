"""Pushing and pulling with a registry that does what the specification says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest
from fixture_registry import Registry
from hostile import refuse
from samples import Waits, a_registry, client, noise, reference_to, sample_image, sample_index, seed

from tare.errors import IntegrityError, MachineError, TargetError, UsageError
from tare.oci import manifest as documents
from tare.oci import media_types
from tare.oci import reference as references
from tare.oci.descriptor import Descriptor
from tare.oci.digest import sha256
from tare.oci.image import FileBlob, Image, ImageIndex, memory_blob
from tare.oci.platform import parse as parse_platform
from tare.stores.cache import Cache
from tare.stores.registry import blobs, manifests, referrers, tags, uploads
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.downloads import download
from tare.stores.registry.source import RegistrySource
from tare.stores.verified import VerifiedBlob


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        yield registry


def contents(image: Image) -> list[bytes]:
    found = []
    for layer in image.layers:
        with layer.open() as stream:
            found.append(stream.read())
    return found


def test_what_was_pushed_is_what_is_pulled(registry: Registry) -> None:
    image = sample_image()
    written = RegistryDestination(client(), reference_to(registry)).write(image)
    pulled = RegistrySource(client(), reference_to(registry)).read()
    assert written == image.descriptor
    assert pulled.raw == image.raw
    assert pulled.raw_config == image.raw_config
    assert contents(pulled) == contents(image)


def test_an_index_is_pushed_with_all_its_images_and_pulled_whole_or_for_one_platform(registry: Registry) -> None:
    index = sample_index()
    RegistryDestination(client(), reference_to(registry)).write(index)
    source = RegistrySource(client(), reference_to(registry))
    whole = source.read_all()
    assert isinstance(whole, ImageIndex)
    assert whole.raw == index.raw
    assert [image.raw for image in whole.images] == [image.raw for image in index.images]
    assert source.read(parse_platform("linux/arm64")).raw == index.images[1].raw
    with pytest.raises(TargetError):
        source.read(parse_platform("linux/riscv64"))


def test_the_first_push_looks_brings_and_moves_the_tag_last(registry: Registry) -> None:
    image = sample_image(sizes=(900, 300))
    RegistryDestination(client(threads=1), reference_to(registry)).write(image)
    config, first, second = (blob.descriptor.digest for blob in image.blobs)
    lines = [re.sub("(?<=uploads/).+", "…", line) for line in registry.server.lines]
    assert lines == [
        "HEAD /v2/team/app/manifests/1",
        f"HEAD /v2/team/app/blobs/{config}",
        f"HEAD /v2/team/app/blobs/{first}",
        f"HEAD /v2/team/app/blobs/{second}",
        "POST /v2/team/app/blobs/uploads/",
        "PUT /v2/team/app/blobs/uploads/…",
        "POST /v2/team/app/blobs/uploads/",
        "PUT /v2/team/app/blobs/uploads/…",
        "POST /v2/team/app/blobs/uploads/",
        "PUT /v2/team/app/blobs/uploads/…",
        "PUT /v2/team/app/manifests/1",
    ]


def test_pushing_what_is_there_is_one_request(registry: Registry) -> None:
    image = sample_image()
    seed(registry, image)
    RegistryDestination(client(), reference_to(registry)).write(image)
    assert registry.server.lines == ["HEAD /v2/team/app/manifests/1"]


def test_a_push_uses_one_connection_for_each_thread(registry: Registry) -> None:
    RegistryDestination(client(threads=3), reference_to(registry)).write(sample_image(sizes=tuple(range(100, 120))))
    assert registry.server.connections <= 3


def test_a_registry_that_is_near_is_given_no_more_threads_than_there_are_processors(registry: Registry) -> None:
    waits = Waits()
    waits.clock = msgspec.structs.replace(waits.clock, monotonic=lambda: 0.0)
    near = client(waits, threads=4, processors=1)
    RegistryDestination(near, reference_to(registry)).write(sample_image(sizes=tuple(range(100, 120))))
    assert registry.server.connections == 1


def test_other_tags_are_moved_too(registry: Registry) -> None:
    image = sample_image()
    RegistryDestination(client(), reference_to(registry), tags=("1.2", "latest")).write(image)
    assert registry.repository("team/app").tags == {"1": image.digest, "1.2": image.digest, "latest": image.digest}


def test_a_push_by_digest_moves_no_tag(registry: Registry) -> None:
    image = sample_image()
    reference = msgspec.structs.replace(reference_to(registry), tag=None, digest=image.digest)
    RegistryDestination(client(), reference).write(image)
    assert registry.repository("team/app").tags == {}
    assert image.digest in registry.repository("team/app").manifests
    with pytest.raises(UsageError):
        RegistryDestination(client(), reference).write(sample_image("other"))


def test_a_blob_that_the_registry_has_is_never_opened(registry: Registry) -> None:
    image = sample_image()
    seed(registry, image, "library/base")
    seed(registry, image, "team/app", tag="old")
    base = RegistrySource(client(), reference_to(registry, "library/base")).read()
    new = msgspec.structs.replace(image, layers=base.layers, raw=image.raw + b" ")
    registry.requests.clear()
    RegistryDestination(client(), reference_to(registry)).write(new)
    assert not [line for line in registry.server.lines if line.startswith(("GET", "POST"))]


def test_a_base_in_the_same_registry_is_mounted_and_never_downloaded(registry: Registry) -> None:
    image = sample_image()
    seed(registry, image, "library/base")
    registries = client(threads=1)
    base = RegistrySource(registries, reference_to(registry, "library/base")).read()
    registry.requests.clear()
    RegistryDestination(registries, reference_to(registry)).write(base)
    assert not [line for line in registry.server.lines if line.startswith("GET")]
    mounted = [seen.target for seen in registry.requests if "mount" in seen.target]
    assert mounted == [
        f"/v2/team/app/blobs/uploads/?mount={blob.descriptor.digest}&from=library/base" for blob in base.layers
    ]
    assert contents(RegistrySource(client(), reference_to(registry)).read()) == contents(image)


def test_a_base_that_cannot_be_mounted_is_uploaded(registry: Registry) -> None:
    image = sample_image()
    registry.mounts = False
    seed(registry, image, "library/base")
    registries = client()
    base = RegistrySource(registries, reference_to(registry, "library/base")).read()
    RegistryDestination(registries, reference_to(registry)).write(base)
    assert contents(RegistrySource(client(), reference_to(registry)).read()) == contents(image)
    assert registry.uploads == {}


def test_blobs_of_the_cache_are_mounted_from_where_they_are_said_to_be(registry: Registry) -> None:
    image = sample_image(sizes=(5_000,))
    seed(registry, image, "library/base")
    registries = client(threads=1)
    for repository in ("team/app", "no/such", "library/base"):
        registries.whereabouts.note(image.layers[0].descriptor.digest, reference_to(registry, repository))
    RegistryDestination(registries, reference_to(registry)).write(image)
    targets = [seen.target for seen in registry.requests if seen.method == "POST" and "mount" in seen.target]
    digest = image.layers[0].descriptor.digest
    assert targets == [
        f"/v2/team/app/blobs/uploads/?mount={digest}&from=no/such",
        f"/v2/team/app/blobs/uploads/?mount={digest}&from=library/base",
    ]


def test_what_was_brought_into_one_repository_is_mounted_into_the_next(registry: Registry) -> None:
    image, registries = sample_image(sizes=(5_000, 3_000)), client(threads=1)
    RegistryDestination(registries, reference_to(registry)).write(image)
    registry.requests.clear()
    RegistryDestination(registries, reference_to(registry, "team/other")).write(image)
    posts = [seen.target for seen in registry.requests if seen.method == "POST"]
    assert posts == [
        f"/v2/team/other/blobs/uploads/?mount={blob.descriptor.digest}&from=team/app"
        for blob in sorted(image.blobs, key=lambda blob: -blob.descriptor.size)
    ]


def test_a_mirror_that_is_pushed_to_mounts_what_it_mirrors(registry: Registry) -> None:
    image = sample_image(sizes=(5_000,))
    seed(registry, image, "hub/library/python", tag="3.13")
    registries = client(threads=1, mirrors={"docker.io": (f"{registry.name}/hub",)})
    registries.whereabouts.note(image.layers[0].descriptor.digest, references.parse("python:3.13"))
    RegistryDestination(registries, reference_to(registry)).write(image)
    digest = image.layers[0].descriptor.digest
    assert f"POST /v2/team/app/blobs/uploads/?mount={digest}&from=hub/library/python" in registry.server.lines


def test_a_registry_may_know_a_large_blob_from_anywhere(registry: Registry) -> None:
    registry.anonymous_mounts = True
    blob = memory_blob(noise("large", 2_000_000), media_types.LAYER_GZIP)
    registry.add_blob("some/where", blob.data)
    repository = client().open(reference_to(registry), doing="push")
    assert uploads.upload(repository, blob) == "mounted"
    assert blob.descriptor.digest in registry.repository("team/app").blobs


def test_the_same_layer_twice_is_sent_once(registry: Registry) -> None:
    image = sample_image(sizes=(4_000,))
    twice = msgspec.structs.replace(image, layers=image.layers * 2)
    RegistryDestination(client(), reference_to(registry)).write(twice)
    assert len([seen for seen in registry.requests if seen.method == "POST"]) == 2


def test_layers_that_may_not_be_distributed_are_left_where_they_are(registry: Registry) -> None:
    image = sample_image(sizes=(4_000, 3_000))
    kind = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    foreign = msgspec.structs.replace(
        image.layers[0].descriptor, media_type=kind, urls=("https://windows.example/layer",)
    )

    def never() -> BinaryIO:
        raise AssertionError

    layers = (VerifiedBlob(descriptor=foreign, what="the foreign layer", opener=never), image.layers[1])
    manifest = msgspec.structs.replace(image.manifest, layers=tuple(layer.descriptor for layer in layers))
    pushed = msgspec.structs.replace(image, manifest=manifest, raw=documents.encode(manifest), layers=layers)
    RegistryDestination(client(), reference_to(registry)).write(pushed)
    assert registry.repository("team/app").tags == {"1": pushed.digest}
    assert foreign.digest not in registry.repository("team/app").blobs


def test_a_blob_that_is_not_what_it_says_is_not_sent_to_its_end(registry: Registry) -> None:
    good = memory_blob(noise("good", 700_000), media_types.LAYER_GZIP)
    bad = VerifiedBlob(
        descriptor=good.descriptor,
        what="the layer of a damaged disk",
        opener=lambda: memory_blob(noise("bad", 700_000), "").open(),
    )
    repository = client().open(reference_to(registry), doing="push")
    with pytest.raises(IntegrityError, match="the layer of a damaged disk is damaged"):
        uploads.upload(repository, bad)
    assert max(seen.received for seen in registry.requests) < 700_000
    assert registry.blobs == {}


def test_a_blob_of_another_length_is_refused_before_its_end(registry: Registry) -> None:
    repository = client().open(reference_to(registry), doing="push")
    for size in (699_999, 700_001):
        blob = memory_blob(noise("good", size), media_types.LAYER_GZIP)
        lying = msgspec.structs.replace(blob, descriptor=msgspec.structs.replace(blob.descriptor, size=700_000))
        with pytest.raises(IntegrityError):
            uploads.upload(repository, lying)
    assert registry.blobs == {}


@pytest.mark.parametrize("size", [1, 99, 100, 101, 250, 300])
@pytest.mark.parametrize("moving", [False, True])
def test_an_upload_in_chunks(registry: Registry, size: int, moving: bool) -> None:  # noqa: FBT001
    registry.moving_locations = moving
    blob = memory_blob(noise("chunks", size), media_types.LAYER_GZIP)
    repository = client(chunk=100, always_chunk=True).open(reference_to(registry), doing="push")
    uploads.upload(repository, blob)
    ranges = [seen.headers["content-range"] for seen in registry.requests if seen.method == "PATCH"]
    expected = [f"{start}-{min(start + 99, size - 1)}" for start in range(0, size, 100)] if size > 100 else []
    assert ranges == expected
    assert registry.blobs[blob.descriptor.digest] == blob.data


def test_chunks_are_as_large_as_the_registry_wants_them(registry: Registry) -> None:
    registry.chunk_minimum = 400
    blob = memory_blob(noise("chunks", 1_000), media_types.LAYER_GZIP)
    repository = client(chunk=100, always_chunk=True).open(reference_to(registry), doing="push")
    uploads.upload(repository, blob)
    ranges = [seen.headers["content-range"] for seen in registry.requests if seen.method == "PATCH"]
    assert ranges == ["0-399", "400-799", "800-999"]


def test_progress_adds_up(registry: Registry) -> None:
    image = sample_image(sizes=(600_000, 100))
    counted: list[int] = []
    RegistryDestination(client(), reference_to(registry), progress=counted.append).write(image)
    assert sum(counted) == sum(blob.descriptor.size for blob in image.blobs)


def test_a_download_lies_in_the_cache_under_its_digest(registry: Registry, tmp_path: Path) -> None:
    seed(registry, sample_image())
    layer = RegistrySource(client(), reference_to(registry)).read().layers[0]
    counted: list[int] = []
    cache = Cache(tmp_path)
    found = download(layer, cache, progress=counted.append)
    assert found.path.read_bytes() == contents(sample_image())[0]
    assert sum(counted) == layer.descriptor.size
    assert download(layer, cache).path == found.path
    assert len([line for line in registry.server.lines if layer.descriptor.digest in line]) == 1


def test_a_download_goes_on_where_an_earlier_run_was_killed(registry: Registry, tmp_path: Path) -> None:
    image = sample_image(sizes=(300_000,))
    seed(registry, image)
    layer = RegistrySource(client(), reference_to(registry)).read().layers[0]
    cache = Cache(tmp_path)
    cache.partial.mkdir(parents=True)
    (cache.partial / f"{layer.descriptor.digest[7:]}.part").write_bytes(contents(image)[0][:123_456])
    download(layer, cache)
    assert [seen.headers.get("range") for seen in registry.requests if "blobs/" in seen.target][-1] == "bytes=123456-"
    assert cache.path(layer.descriptor.digest).read_bytes() == contents(image)[0]


def test_a_download_starts_again_when_the_beginning_was_wrong(registry: Registry, tmp_path: Path) -> None:
    image = sample_image(sizes=(300_000,))
    seed(registry, image)
    layer = RegistrySource(client(), reference_to(registry)).read().layers[0]
    cache = Cache(tmp_path)
    cache.partial.mkdir(parents=True)
    (cache.partial / f"{layer.descriptor.digest[7:]}.part").write_bytes(b"x" * 1000)
    download(layer, cache)
    assert cache.path(layer.descriptor.digest).read_bytes() == contents(image)[0]


def test_whether_a_blob_is_there(registry: Registry) -> None:
    digest = registry.add_blob("team/app", b"here")
    repository = client().open(reference_to(registry))
    here = Descriptor(media_type="x", digest=digest, size=4)
    assert blobs.has(repository, here)
    assert not blobs.has(repository, msgspec.structs.replace(here, size=5))
    assert not blobs.has(repository, msgspec.structs.replace(here, digest=sha256(b"there")))


def test_manifests_are_found_by_tag_and_by_digest(registry: Registry) -> None:
    image = sample_image()
    seed(registry, image)
    repository = client().open(reference_to(registry))
    by_tag, by_digest = manifests.get(repository, "1"), manifests.get(repository, image.digest)
    assert by_tag == by_digest
    assert by_tag.raw == image.raw
    assert manifests.head(repository, "1") == by_tag.descriptor
    assert manifests.head(repository, "2") is None
    assert manifests.find(repository, "2") is None


def test_manifests_blobs_and_tags_are_deleted(registry: Registry) -> None:
    image = sample_image()
    seed(registry, image)
    registry.repository("team/app").tags["2"] = image.digest
    repository = client().open(reference_to(registry), doing="delete")
    assert manifests.delete(repository, "2")
    assert registry.repository("team/app").tags == {"1": image.digest}
    assert manifests.delete(repository, image.digest)
    assert not manifests.delete(repository, image.digest)
    assert blobs.delete(repository, image.layers[0].descriptor.digest)
    assert not blobs.delete(repository, image.layers[0].descriptor.digest)


def test_tags_come_page_by_page(registry: Registry) -> None:
    for number in range(2_345):
        registry.repository("team/app").tags[f"v{number:05}"] = sha256(b"")
    assert list(tags.tags(client().open(reference_to(registry)))) == [f"v{number:05}" for number in range(2_345)]
    assert len(registry.requests) == 3


def test_a_repository_without_tags_has_none(registry: Registry) -> None:
    registry.repository("team/app")
    assert list(tags.tags(client().open(reference_to(registry)))) == []


def signature_of(image: Image, kind: str = "application/vnd.example.signature") -> bytes:
    empty = Descriptor(media_type=media_types.EMPTY, digest=sha256(b"{}"), size=2)
    manifest = documents.Manifest(
        schema_version=2,
        media_type=media_types.MANIFEST,
        artifact_type=kind,
        config=empty,
        layers=(empty,),
        subject=image.descriptor,
        annotations={"signed": "yes"},
    )
    return documents.encode(manifest)


@pytest.mark.parametrize("listed", [True, False], ids=["kept by the registry", "kept under a tag"])
def test_what_refers_to_an_image(registry: Registry, listed: bool) -> None:  # noqa: FBT001
    registry.referrers = listed
    image = sample_image()
    seed(registry, image)
    registry.add_blob("team/app", b"{}")
    repository = client().open(reference_to(registry), doing="push")
    assert referrers.referrers(repository, image.digest) == ()
    kinds = ("application/vnd.example.signature", "application/vnd.example.sbom")
    for kind in kinds:
        raw = signature_of(image, kind)
        if not manifests.put(repository, sha256(raw), raw, media_types.MANIFEST):
            parsed = documents.parse(raw, what="it")
            entry = referrers.descriptor_of(raw, parsed, media_types.MANIFEST)
            referrers.keep(repository, image.digest, entry)
            referrers.keep(repository, image.digest, entry)
    found = referrers.referrers(repository, image.digest)
    assert [(entry.artifact_type, entry.annotations) for entry in found] == [
        (kind, {"signed": "yes"}) for kind in kinds
    ]
    assert [entry.digest for entry in referrers.referrers(repository, image.digest, kinds[1])] == [
        sha256(signature_of(image, kinds[1]))
    ]
    assert (f"sha256-{image.digest[7:]}" in registry.repository("team/app").tags) is not listed
    referrers.drop(repository, image.digest, found[0].digest)
    assert len(referrers.referrers(repository, image.digest)) == (2 if listed else 1)


def test_an_image_with_a_subject_is_listed_when_it_is_pushed(registry: Registry) -> None:
    registry.referrers = False
    base, image = sample_image("base"), sample_image()
    seed(registry, base)
    manifest = msgspec.structs.replace(image.manifest, subject=base.descriptor)
    pushed = msgspec.structs.replace(image, manifest=manifest, raw=documents.encode(manifest))
    RegistryDestination(client(), reference_to(registry, tag="2")).write(pushed)
    repository = client().open(reference_to(registry))
    assert [entry.digest for entry in referrers.referrers(repository, base.digest)] == [pushed.digest]


def test_docker_media_types_are_read(registry: Registry) -> None:
    image = sample_image()
    raw = image.raw.replace(media_types.MANIFEST.encode(), media_types.DOCKER_MANIFEST.encode()).replace(
        media_types.CONFIG.encode(), media_types.DOCKER_CONFIG.encode()
    )
    seed(registry, image)
    registry.add_manifest("team/app", "docker", raw, media_types.DOCKER_MANIFEST)
    pulled = RegistrySource(client(), reference_to(registry, tag="docker")).read()
    assert pulled.descriptor.media_type == media_types.DOCKER_MANIFEST
    assert contents(pulled) == contents(image)


def test_a_tag_is_resolved_once(registry: Registry) -> None:
    image = sample_image()
    seed(registry, image)
    source = RegistrySource(client(), reference_to(registry))
    assert source.resolve().digest == image.digest
    seed(registry, sample_image("newer"))
    assert source.read().raw == image.raw


def test_reading_an_image_fetches_no_layer(registry: Registry) -> None:
    image = sample_image()
    seed(registry, image)
    RegistrySource(client(), reference_to(registry)).read()
    assert registry.server.lines == [
        "GET /v2/team/app/manifests/1",
        f"GET /v2/team/app/blobs/{image.manifest.config.digest}",
    ]


def test_a_large_blob_goes_before_the_put_that_ends_it(registry: Registry) -> None:
    blob = memory_blob(noise("large", 1_001), media_types.LAYER_GZIP)
    repository = client(chunk=1_000).open(reference_to(registry), doing="push")
    uploads.upload(repository, blob)
    assert [(seen.method, seen.received, seen.headers.get("content-range")) for seen in registry.requests] == [
        ("POST", 0, None),
        ("PATCH", 1_001, None),
        ("PUT", 0, None),
    ]


def test_a_file_that_is_gone_is_named(registry: Registry, tmp_path: Path) -> None:
    blob = memory_blob(b"gone", media_types.LAYER_GZIP)
    gone = FileBlob(descriptor=blob.descriptor, path=tmp_path / "gone")
    with pytest.raises(MachineError) as caught:
        uploads.upload(client().open(reference_to(registry), doing="push"), gone)
    assert (caught.value.message, caught.value.causes) == (
        f"cannot read `{tmp_path / 'gone'}`",
        ("no such file or directory",),
    )


def test_a_registry_that_does_not_let_us_look_may_still_let_us_push(registry: Registry) -> None:
    registry.rule("HEAD", "manifests", refuse(403, "DENIED"))
    RegistryDestination(client(), reference_to(registry)).write(sample_image())
    assert registry.repository("team/app").tags == {"1": sample_image().digest}
