"""The four groups of the distribution specification's conformance suite, asked with our client of two registries.

The suite itself is a program in Go that could not be had here; the cases are restated from the specification:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#workflow-categories
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from real_registry import docker_registry
from samples import a_registry, client, close_clients, noise, sample_image, sample_index

from tare.errors import NetworkError
from tare.oci import manifest as documents
from tare.oci import media_types
from tare.oci import reference as references
from tare.oci.descriptor import Descriptor
from tare.oci.digest import sha256
from tare.oci.image import Image, memory_blob
from tare.stores.registry import blobs, manifests, referrers, tags, uploads
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.repository import Registries, Repository

REFERRERS = ("fixture", "fixture without referrers", "docker-registry")


@pytest.fixture(
    scope="module",
    params=[name if name != REFERRERS[2] else pytest.param(name, marks=pytest.mark.e2e) for name in REFERRERS],
)
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a registry. Debian's has no list of referrers."""
    if request.param == REFERRERS[2]:
        with docker_registry() as real:
            yield real.name
            close_clients()
    else:
        with a_registry() as registry:
            registry.referrers = request.param == REFERRERS[0]
            yield registry.name


def opened(name: str, repository: str, doing: str = "push", registries: Registries | None = None) -> Repository:
    return (registries or client()).open(references.parse(f"{name}/{repository}"), doing=doing)


def write(name: str, text: str, image: Image) -> None:
    RegistryDestination(client(), references.parse(f"{name}/{text}")).write(image)


# Pull


def test_a_manifest_is_pulled_by_tag_and_by_digest(name: str) -> None:
    image = sample_image("pull")
    write(name, "c/pull:1", image)
    repository = opened(name, "c/pull", "pull")
    for each in ("1", image.digest):
        assert manifests.get(repository, each).raw == image.raw
        found = manifests.head(repository, each)
        assert found is not None
        assert (found.digest, found.size, found.media_type) == (image.digest, len(image.raw), media_types.MANIFEST)


def test_a_blob_is_pulled_whole_and_from_an_offset(name: str) -> None:
    repository = opened(name, "c/blobs")
    blob = memory_blob(noise("conformance", 100_000), media_types.LAYER_GZIP)
    uploads.upload(repository, blob)
    assert blobs.has(repository, blob.descriptor)
    for offset in (0, 1, 65_536, 99_999, 100_000):
        with blobs.open_blob(repository, blob.descriptor, what="it", offset=offset) as stream:
            assert stream.read() == blob.data[offset:]


def test_what_is_not_there_is_not_there(name: str) -> None:
    repository = opened(name, "c/pull", "pull")
    missing = sha256(b"nobody has this")
    assert manifests.find(repository, "missing") is None
    assert manifests.head(repository, missing) is None
    assert not blobs.has(repository, Descriptor(media_type=media_types.LAYER, digest=missing, size=15))
    with pytest.raises(NetworkError, match="cannot pull"):
        blobs.open_blob(repository, Descriptor(media_type=media_types.LAYER, digest=missing, size=15), what="it")


# Push


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True], ids=["at once", "in chunks"])
def test_a_blob_is_pushed(name: str, size: int, chunked: bool) -> None:  # noqa: FBT001  # a parameter of the test
    registries = client(chunk=1_000_000, always_chunk=True) if chunked else client()
    blob = memory_blob(noise(f"pushed {size} {chunked}", size), media_types.LAYER_GZIP)
    repository = opened(name, f"c/push-{size}-{str(chunked).lower()}", registries=registries)
    uploads.upload(repository, blob)
    with blobs.open_blob(repository, blob.descriptor, what="it") as stream:
        assert stream.read() == blob.data


def test_a_blob_is_mounted(name: str) -> None:
    blob = memory_blob(noise("mounted", 50_000), media_types.LAYER_GZIP)
    uploads.upload(opened(name, "c/origin"), blob)
    repository = opened(name, "c/mounted")
    assert uploads.upload(repository, blob, mount_from=("c/origin",)) == "mounted"
    assert blobs.has(repository, blob.descriptor)


def test_a_blob_that_is_not_where_it_should_be_is_uploaded(name: str) -> None:
    blob = memory_blob(noise("not mounted", 50_000), media_types.LAYER_GZIP)
    assert uploads.upload(opened(name, "c/elsewhere"), blob, mount_from=("c/nowhere",)) == "uploaded"


def test_a_manifest_whose_blobs_are_missing_is_refused_and_the_tag_stays(name: str) -> None:
    kept, unsound = sample_image("kept"), sample_image("without blobs")
    write(name, "c/missing:1", kept)
    repository = opened(name, "c/missing")
    with pytest.raises(NetworkError) as caught:
        manifests.put(repository, "1", unsound.raw, media_types.MANIFEST)
    assert "BLOB_UNKNOWN" in str(caught.value.causes)
    found = manifests.head(repository, "1")
    assert found is not None
    assert found.digest == kept.digest


def test_an_index_needs_its_manifests(name: str) -> None:
    with pytest.raises(NetworkError):
        manifests.put(opened(name, "c/index"), "1", sample_index("lonely").raw, media_types.INDEX)
    assert manifests.find(opened(name, "c/index"), "1") is None


def test_a_tag_moves(name: str) -> None:
    for text in ("first", "second"):
        write(name, "c/moves:1", sample_image(text))
    assert manifests.get(opened(name, "c/moves"), "1").raw == sample_image("second").raw


# Content discovery


def test_tags_are_listed(name: str) -> None:
    for tag in ("b", "a", "latest", "1.0"):
        write(name, f"c/tags:{tag}", sample_image("tags"))
    assert sorted(tags.tags(opened(name, "c/tags", "pull"))) == ["1.0", "a", "b", "latest"]


def test_a_repository_that_is_not_there_has_no_tags(name: str) -> None:
    with pytest.raises(NetworkError, match="cannot pull"):
        list(tags.tags(opened(name, "c/never", "pull")))


def test_what_refers_to_a_manifest_is_listed_and_filtered(name: str) -> None:
    image = sample_image("subject")
    write(name, "c/referred:1", image)
    kinds = ("application/vnd.example.sbom", "application/vnd.example.signature")
    digests = {}
    for kind in kinds:
        artifact = sample_image(kind, sizes=(20,))
        manifest = msgspec.structs.replace(artifact.manifest, subject=image.descriptor, artifact_type=kind)
        artifact = msgspec.structs.replace(artifact, manifest=manifest, raw=documents.encode(manifest))
        write(name, f"c/referred@{artifact.digest}", artifact)
        digests[kind] = artifact.digest
    repository = opened(name, "c/referred", "pull")
    assert {entry.digest for entry in referrers.referrers(repository, image.digest)} == set(digests.values())
    found = referrers.referrers(repository, image.digest, kinds[0])
    assert [(entry.digest, entry.artifact_type) for entry in found] == [(digests[kinds[0]], kinds[0])]
    assert referrers.referrers(repository, sha256(b"nothing refers to this")) == ()


# Content management


def test_manifests_and_blobs_are_deleted(name: str) -> None:
    image = sample_image("deleted")
    write(name, "c/deleted:1", image)
    repository = opened(name, "c/deleted", "delete")
    assert manifests.delete(repository, image.digest)
    assert manifests.find(repository, image.digest) is None
    assert manifests.find(repository, "1") is None
    blob = image.layers[0].descriptor
    assert blobs.delete(repository, blob.digest)
    assert not blobs.has(repository, blob)
    assert not manifests.delete(repository, image.digest), "it is gone"
    assert not blobs.delete(repository, blob.digest), "it is gone"
