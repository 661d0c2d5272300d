"""Indexes as others write them: with signatures, attestations, bills of materials, and indexes of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command import Place
from fixture_registry import INDEX, MANIFEST, Registry
from hostile import say
from layouts import read_layout
from make.images import image, layer, small
from real_registry import docker_registry
from samples import a_registry, client, close_clients, reference_to, sample_image
from schemas import faults, published

from tare.errors import HostileInputError
from tare.oci import media_types
from tare.oci import reference as references
from tare.oci.descriptor import Descriptor
from tare.oci.image import Artifact, Image, ImageIndex, memory_blob, parts
from tare.oci.manifest import Index, Manifest, encode
from tare.stores import names
from tare.stores.interface import ImageDestination, ImageSource
from tare.stores.layout import LayoutSource
from tare.stores.layout_writer import LayoutDestination
from tare.stores.memory import MemoryStore
from tare.stores.open import Surroundings, open_destination, open_source
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.source import RegistrySource

IN_TOTO = "application/vnd.in-toto+json"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        yield registry


def attestation(of: Image) -> Artifact:
    """What BuildKit writes beside an image: a manifest with a config of an image for no platform."""
    statement = memory_blob(b'{"_type":"https://in-toto.io/Statement/v0.1"}', IN_TOTO)
    rootfs = {"type": "layers", "diff_ids": [statement.descriptor.digest]}
    config = memory_blob(
        json.dumps({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": rootfs}).encode(),
        media_types.CONFIG,
    )
    about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": of.digest}
    return artifact(config, statement, annotations=about)


def artifact(config: Any, *blobs: Any, annotations: dict[str, str] | None = None, kind: str | None = None) -> Artifact:
    manifest = Manifest(
        schema_version=2,
        media_type=media_types.MANIFEST,
        artifact_type=kind,
        config=config.descriptor,
        layers=tuple(blob.descriptor for blob in blobs),
    )
    raw = encode(manifest)
    described = memory_blob(raw, media_types.MANIFEST).descriptor
    return Artifact(
        descriptor=msgspec.structs.replace(described, annotations=annotations or {}),
        raw=raw,
        manifest=manifest,
        blobs=(config, *blobs),
    )


def index(*members: Image | Artifact | ImageIndex) -> ImageIndex:
    document = Index(
        schema_version=2, media_type=media_types.INDEX, manifests=tuple(member.descriptor for member in members)
    )
    return ImageIndex(
        raw=encode(document),
        index=document,
        images=tuple(member for member in members if isinstance(member, Image)),
        others=tuple(member for member in members if not isinstance(member, Image)),
    )


def whole() -> ImageIndex:
    arm = image(layer([]), architecture="arm64")
    empty = memory_blob(b"{}", media_types.EMPTY)
    signature = artifact(empty, memory_blob(b"signed", "application/vnd.example.signature"), kind="example/signature")
    return index(small(), attestation(small()), signature, index(arm, attestation(arm)))


def contents(value: Image | ImageIndex) -> dict[str, bytes]:
    """Return everything in *value*, by digest."""
    found = {}
    for part in parts(value):
        found[part.digest] = part.raw
        for blob in () if isinstance(part, ImageIndex) else part.blobs:
            with blob.open() as stream:
                found[blob.descriptor.digest] = stream.read()
    return found


PLACES = ("memory", "registry", "oci:{}/dist", "docker-archive:{}/a.tar")


def both(place: str, tmp_path: Path, registry: Registry) -> tuple[ImageDestination, ImageSource]:
    if place == "memory":
        store = MemoryStore()
        return store, store
    if place == "registry":
        registries, reference = client(), reference_to(registry)
        return RegistryDestination(registries, reference), RegistrySource(registries, reference)
    surroundings = Surroundings(docker_host="unix:///nowhere")
    name = names.parse(place.format(tmp_path))
    return open_destination(name, (), surroundings, mtime=0), open_source(name, surroundings)


@pytest.mark.parametrize("place", PLACES)
def test_everything_that_an_index_names_is_kept(tmp_path: Path, registry: Registry, place: str) -> None:
    destination, source = both(place, tmp_path, registry)
    destination.write(whole())
    back = source.read_all()
    assert isinstance(back, ImageIndex)
    assert contents(back) == contents(whole())
    assert [type(part) for part in parts(back)] == [type(part) for part in parts(whole())]


@pytest.mark.e2e
def test_a_real_registry_takes_everything(tmp_path: Path) -> None:
    with docker_registry() as real:
        registries, reference = client(), references.parse(f"{real.name}/all:1")
        RegistryDestination(registries, reference).write(whole())
        assert contents(RegistrySource(registries, reference).read_all()) == contents(whole())
        close_clients()


def test_one_platform_is_found_in_an_index_of_an_index(tmp_path: Path) -> None:
    LayoutDestination(tmp_path / "dist").write(index(index(small())))
    assert LayoutSource(tmp_path / "dist").read().raw == small().raw


def test_indexes_in_indexes_have_an_end(tmp_path: Path) -> None:
    value = index(small())
    for _ in range(5):
        value = index(value)
    LayoutDestination(tmp_path / "dist").write(value)
    with pytest.raises(HostileInputError, match="is an index within an index"):
        LayoutSource(tmp_path / "dist").read_all()


def test_an_archive_needs_an_image(place: Place) -> None:
    empty = memory_blob(b"{}", media_types.EMPTY)
    LayoutDestination(place.app / "dist").write(index(artifact(empty)))
    assert place("copy", "oci:dist", "docker-archive:out.tar").err == (
        "error: cannot write an archive without an image\n  caused by: sha256:DIGEST has none\n"
    )


def test_what_is_about_images_as_they_were_is_left_out_when_they_change(place: Place) -> None:
    LayoutDestination(place.app / "dist").write(whole())
    ran = place("copy", "oci:dist", "oci:zstd", "--compression", "zstd")
    assert (ran.code, ran.err) == (
        0,
        "warning: left out what is about the images as they were: sha256:DIGEST, sha256:DIGEST, sha256:DIGEST\n",
    )
    written = LayoutSource(place.app / "zstd").read_all()
    assert isinstance(written, ImageIndex)
    assert [str(each.platform) for each in written.images] == ["linux/amd64", "linux/arm64"]
    assert written.others == ()


# Checked as it lies there


def verdict(place: Place, registry: Registry, tag: str = "1") -> Any:  # the document
    del place.environment["UV_OFFLINE"]
    code, out, err = place._run(("verify", f"{registry.name}/team/app:{tag}", "--json"), {})
    document = json.loads(out)
    assert (code, err) == (0 if document["valid"] else 1, b"")
    assert faults(published("tare.verify.1"), document) == []
    return document


def codes(document: Any) -> list[str]:
    return [finding["code"] for finding in document["findings"] if finding["severity"] == "error"]


def add(registry: Registry, raw: bytes, kind: str = MANIFEST) -> str:
    registry.add_manifest("team/app", "1", raw, kind)
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def test_a_sound_image_is_sound(place: Place, registry: Registry) -> None:
    RegistryDestination(client(), reference_to(registry)).write(whole())
    document = verdict(place, registry)
    assert codes(document) == []
    assert document["checked"]["documents"] == 9


def test_a_layer_that_is_not_there_is_found(place: Place, registry: Registry) -> None:
    RegistryDestination(client(), reference_to(registry)).write(small())
    registry.repository("team/app").blobs.discard(small().layers[1].descriptor.digest)
    assert codes(verdict(place, registry)) == ["D008"]


def test_a_layer_with_other_bytes_is_found(place: Place, registry: Registry) -> None:
    RegistryDestination(client(), reference_to(registry)).write(small())
    digest = small().layers[0].descriptor.digest
    stored = registry.blobs[digest]
    assert isinstance(stored, bytes)
    registry.blobs[digest] = stored[:-1] + bytes([stored[-1] ^ 1])
    assert "D007" in codes(verdict(place, registry))


def test_another_image_than_the_one_that_a_digest_names_is_found(place: Place, registry: Registry) -> None:
    RegistryDestination(client(), reference_to(registry)).write(small())
    other = sample_image("other")
    registry.rule("GET", f"/manifests/{other.digest}", say(200, {"Content-Type": MANIFEST}, small().raw))
    del place.environment["UV_OFFLINE"]
    document = json.loads(place("verify", f"{registry.name}/team/app@{other.digest}", "--json").out)
    found = document["findings"][0]
    assert (document["valid"], found["code"], found["message"]) == (
        False,
        "D007",
        "expected sha256:DIGEST, found sha256:DIGEST",
    )


def test_an_ambiguous_manifest_is_found(place: Place, registry: Registry) -> None:
    RegistryDestination(client(), reference_to(registry)).write(small())
    document = json.loads(small().raw)
    add(registry, json.dumps({**document, "manifests": []}).encode())
    assert codes(verdict(place, registry)) != []
    assert verdict_is_told_in_words(registry, place)


def verdict_is_told_in_words(registry: Registry, place: Place) -> bool:
    ran = place("verify", f"{registry.name}/team/app:1")
    return ran.code == 1 and "manifests" in ran.out


def test_an_entry_without_a_manifest_is_found(place: Place, registry: Registry) -> None:
    gone = Descriptor(media_type=MANIFEST, digest=f"sha256:{'0' * 64}", size=7)
    raw = encode(Index(schema_version=2, media_type=INDEX, manifests=(gone,)))
    add(registry, raw, INDEX)
    assert codes(verdict(place, registry)) == ["D008"]


def test_schema_1_is_found(place: Place, registry: Registry) -> None:
    add(registry, b'{"schemaVersion":1,"fsLayers":[]}', media_types.DOCKER_MANIFEST_V1_SIGNED)
    assert codes(verdict(place, registry)) == ["M014"]


def test_what_is_copied_is_read_by_others(place: Place, registry: Registry) -> None:
    """Through a registry and back into a layout, and nothing has changed."""
    del place.environment["UV_OFFLINE"]
    LayoutDestination(place.app / "dist").write(whole())
    name = f"{registry.name}/team/app:1"
    document = place.document("copy", "oci:dist", name)
    assert faults(published("tare.copy.1"), document) == []
    assert document["digest"] == whole().digest
    assert place("copy", name, "oci:back").code == 0
    assert sorted(path.name for path in (place.app / "back/blobs/sha256").iterdir()) == sorted(
        path.name for path in (place.app / "dist/blobs/sha256").iterdir()
    )
    assert place("copy", name, "oci:one", "--platform", "linux/amd64").code == 0
    assert read_layout(place.app / "one").digest == small().digest
