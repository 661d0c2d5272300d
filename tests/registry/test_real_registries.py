"""The reference implementation, and the tools that people use with it: what we push they pull, and the reverse."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from certificates import authority
from fault_proxy import Fault, faulty
from lab import Dockerd, PodmanStorage, needs, output
from make.images import Entry, content, directory, image, layer
from real_registry import RealRegistry, docker_registry
from samples import PASSWORD, USER, client, close_clients, noise, sample_image

from tare.errors import NetworkError
from tare.net.dial import Tls
from tare.oci import manifest as documents
from tare.oci import media_types
from tare.oci import reference as references
from tare.oci.descriptor import Descriptor
from tare.oci.digest import sha256
from tare.oci.image import Image, ImageIndex, make_index, memory_blob
from tare.oci.reference import Reference
from tare.stores import platforms
from tare.stores.cache import Cache
from tare.stores.layout_writer import LayoutDestination
from tare.stores.registry import blobs, manifests, referrers, tags, uploads
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.downloads import download
from tare.stores.registry.repository import Registries
from tare.stores.registry.settings import CredentialSources
from tare.stores.registry.source import RegistrySource

pytestmark = pytest.mark.e2e

HOST = platforms.host()


@pytest.fixture(scope="module")
def plain() -> Iterator[RealRegistry]:
    with docker_registry() as registry:
        yield registry


@pytest.fixture(scope="module")
def secure() -> Iterator[RealRegistry]:
    with docker_registry(secure=True) as registry:
        yield registry


@pytest.fixture(params=["plain", "secure"])
def registry(request: pytest.FixtureRequest) -> Iterator[RealRegistry]:
    found: RealRegistry = request.getfixturevalue(request.param)
    yield found
    close_clients()


def connected(registry: RealRegistry, **settings: Any) -> Registries:
    if not registry.secure:
        return client(**settings)
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    credentials = CredentialSources(inline=json.dumps({"auths": {registry.name: {"auth": auth}}}))
    return client(**{"tls": Tls(ca_file=authority().ca), "credentials": credentials, **settings})


def at(registry: RealRegistry, name: str) -> Reference:
    return references.parse(f"{registry.name}/{name}")


def runnable(name: str = "one") -> Image:
    """Return an image with real layers, such as engines unpack."""
    below = layer([directory("app"), *(Entry(f"app/{name}{n}", b"%d\n" % n * 99) for n in range(200))])
    above = layer([Entry("app/hello", f"hello from {name}\n".encode())])
    return image(below, above, architecture=HOST.architecture, cmd=("/app/hello",))


def contents(image: Image) -> list[bytes]:
    return [content(blob) for blob in image.layers]


def test_what_was_pushed_is_pulled(registry: RealRegistry) -> None:
    pushed = sample_image("pushed", sizes=(3_000_000, 70_000, 500))
    registries = connected(registry)
    RegistryDestination(registries, at(registry, "a/pushed:1"), tags=("2",)).write(pushed)
    pulled = RegistrySource(registries, at(registry, "a/pushed:2")).read()
    assert pulled.raw == pushed.raw
    assert contents(pulled) == contents(pushed)
    assert sorted(tags.tags(registries.open(at(registry, "a/pushed")))) == ["1", "2"]


def test_an_index_is_pushed_and_pulled(registry: RealRegistry) -> None:
    index = make_index((sample_image("i"), sample_image("i", architecture="arm64")), {})
    RegistryDestination(connected(registry), at(registry, "a/index:1")).write(index)
    pulled = RegistrySource(connected(registry), at(registry, "a/index:1")).read_all()
    assert isinstance(pulled, ImageIndex)
    assert (pulled.raw, [image.raw for image in pulled.images]) == (index.raw, [image.raw for image in index.images])


def test_a_base_is_mounted(registry: RealRegistry) -> None:
    base = sample_image("base", sizes=(2_000_000, 100))
    registries = connected(registry)
    RegistryDestination(registries, at(registry, "library/base:1")).write(base)
    found = RegistrySource(registries, at(registry, "library/base:1")).read()
    repository = registries.open(at(registry, "a/mounted"), doing="push")
    assert [uploads.upload(repository, blob, mount_from=("library/base",)) for blob in found.layers] == ["mounted"] * 2
    assert all(blobs.has(repository, blob.descriptor) for blob in found.layers)


def test_a_blob_is_uploaded_in_chunks(registry: RealRegistry) -> None:
    blob = memory_blob(noise("chunks", 5_500_000), media_types.LAYER_GZIP)
    repository = connected(registry, always_chunk=True, chunk=2_000_000).open(at(registry, "a/chunks"), doing="push")
    assert uploads.upload(repository, blob) == "uploaded"
    assert blobs.has(repository, blob.descriptor)


def test_a_download_goes_on_after_a_cut(plain: RealRegistry, tmp_path: Path) -> None:
    pushed = sample_image("cut", sizes=(6_000_000,))
    RegistryDestination(connected(plain), at(plain, "a/cut:1")).write(pushed)
    port = int(plain.name.rpartition(":")[2])
    with faulty(port, Fault("reset", "down", 2_500_000), number=3, times=2) as proxy:
        there = references.parse(f"127.0.0.1:{proxy.port}/a/cut:1")
        blob = RegistrySource(client(), there).read().layers[0]
        found = download(blob, Cache(tmp_path))
        assert found.path.read_bytes() == contents(pushed)[0]
        assert proxy.hits == 2
        assert proxy.passed < 6_000_000 + 2 * 1_000_000


def test_an_upload_goes_on_after_a_cut(plain: RealRegistry) -> None:
    blob = memory_blob(noise("cut upload", 9_000_000), media_types.LAYER_GZIP)
    port = int(plain.name.rpartition(":")[2])
    with faulty(port, Fault("limit", "up", 5_000_000), number=2) as proxy:
        there = references.parse(f"127.0.0.1:{proxy.port}/a/cut-upload:1")
        repository = client(chunk=2_000_000).open(there, doing="push")
        uploads.upload(repository, blob)
        assert proxy.hits == 1
    repository = client().open(at(plain, "a/cut-upload"))
    assert blobs.has(repository, blob.descriptor)
    with blobs.open_blob(repository, blob.descriptor, what="it") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == blob.descriptor.digest[7:]


def test_manifests_and_blobs_are_deleted(registry: RealRegistry) -> None:
    pushed = sample_image("gone")
    registries = connected(registry)
    RegistryDestination(registries, at(registry, "a/gone:1")).write(pushed)
    repository = registries.open(at(registry, "a/gone"), doing="delete")
    assert manifests.delete(repository, pushed.digest)
    assert manifests.find(repository, "1") is None
    assert blobs.delete(repository, pushed.layers[0].descriptor.digest)
    assert not blobs.has(repository, pushed.layers[0].descriptor)


def test_referrers_are_kept_under_a_tag(registry: RealRegistry) -> None:
    pushed = sample_image("signed")
    registries = connected(registry)
    RegistryDestination(registries, at(registry, "a/signed:1")).write(pushed)
    signature = sample_image("signature", sizes=(10,))
    manifest = msgspec.structs.replace(signature.manifest, subject=pushed.descriptor, artifact_type="application/x-sig")
    signature = msgspec.structs.replace(signature, manifest=manifest, raw=documents.encode(manifest))
    RegistryDestination(registries, at(registry, f"a/signed@{signature.digest}")).write(signature)
    repository = registries.open(at(registry, "a/signed"))
    found = referrers.referrers(repository, pushed.digest)
    assert [(entry.digest, entry.artifact_type) for entry in found] == [(signature.digest, "application/x-sig")]


def test_what_is_not_there_is_said_not_to_be_there(registry: RealRegistry) -> None:
    registries = connected(registry)
    with pytest.raises(NetworkError) as caught:
        RegistrySource(registries, at(registry, "a/missing:1")).read()
    scheme = "https" if registry.secure else "http"
    assert caught.value.causes[0] == (
        f"GET {scheme}://{registry.name}/v2/a/missing/manifests/1: 404 MANIFEST_UNKNOWN: manifest unknown"
    )
    missing = Descriptor(media_type="x", digest=sha256(b"missing"), size=7)
    assert not blobs.has(registries.open(at(registry, "a/missing")), missing)


def test_a_wrong_password_is_refused(secure: RealRegistry) -> None:
    auth = base64.b64encode(f"{USER}:wrong".encode()).decode()
    wrong = CredentialSources(inline=json.dumps({"auths": {secure.name: {"auth": auth}}}))
    with pytest.raises(NetworkError) as caught:
        RegistrySource(connected(secure, credentials=wrong), at(secure, "a/b:1")).read()
    assert caught.value.causes[1] == f"the credentials of `{USER}` were sent"
    close_clients()


# Tools that people use


def push(registry: RealRegistry, name: str, image: Image) -> None:
    RegistryDestination(connected(registry), at(registry, name)).write(image)


def test_docker_pulls_what_was_pushed(plain: RealRegistry, dockerd: Dockerd) -> None:
    push(plain, "tools/docker:1", runnable())
    dockerd("pull", f"{plain.name}/tools/docker:1")
    found = json.loads(dockerd("image", "inspect", f"{plain.name}/tools/docker:1"))[0]
    assert found["RootFS"]["Layers"] == list(runnable().config.rootfs.diff_ids)
    assert found["RepoDigests"] == [f"{plain.name}/tools/docker@{runnable().digest}"]
    close_clients()


def test_podman_pulls_what_was_pushed(plain: RealRegistry, podman: PodmanStorage) -> None:
    push(plain, "tools/podman:1", runnable())
    podman("pull", "--tls-verify=false", f"{plain.name}/tools/podman:1")
    found = json.loads(podman("image", "inspect", f"{plain.name}/tools/podman:1"))[0]
    assert found["RootFS"]["Layers"] == list(runnable().config.rootfs.diff_ids)
    assert found["Digest"] == runnable().digest
    close_clients()


def test_skopeo_copies_what_was_pushed(registry: RealRegistry, tmp_path: Path) -> None:
    needs("skopeo")
    push(registry, "tools/skopeo:1", runnable())
    options = [f"--src-cert-dir={_certificates(tmp_path)}", "--src-creds", registry.login]
    options = options if registry.secure else ["--src-tls-verify=false"]
    output("skopeo", "copy", *options, f"docker://{registry.name}/tools/skopeo:1", f"dir:{tmp_path}/dir")
    assert (tmp_path / "dir/manifest.json").read_bytes() == runnable().raw


def _certificates(tmp_path: Path) -> Path:
    directory = tmp_path / "certificates"
    directory.mkdir()
    (directory / "ca.crt").write_bytes(authority().ca.read_bytes())
    return directory


def test_what_skopeo_pushed_is_pulled(registry: RealRegistry, tmp_path: Path) -> None:
    needs("skopeo")
    LayoutDestination(tmp_path / "layout", ("1",)).write(runnable())
    options = [f"--dest-cert-dir={_certificates(tmp_path)}", "--dest-creds", registry.login]
    options = options if registry.secure else ["--dest-tls-verify=false"]
    source = f"oci:{tmp_path}/layout:1"
    for kind, name in (("oci", "skopeo-oci"), ("v2s2", "skopeo-docker")):
        output("skopeo", "copy", "--format", kind, *options, source, f"docker://{registry.name}/theirs/{name}:1")
        pulled = RegistrySource(connected(registry), at(registry, f"theirs/{name}:1")).read()
        assert contents(pulled) == contents(runnable())
        assert (pulled.raw == runnable().raw) is (kind == "oci")


def test_what_docker_pushed_is_pulled(plain: RealRegistry, dockerd: Dockerd) -> None:
    push(plain, "theirs/base:1", runnable("docker"))
    dockerd("pull", f"{plain.name}/theirs/base:1")
    dockerd("tag", f"{plain.name}/theirs/base:1", f"{plain.name}/theirs/docker:1")
    dockerd("push", f"{plain.name}/theirs/docker:1")
    pulled = RegistrySource(connected(plain), at(plain, "theirs/docker:1")).read()
    assert pulled.manifest.media_type == media_types.DOCKER_MANIFEST
    assert pulled.config.rootfs == runnable("docker").config.rootfs
    assert all(contents(pulled))
    close_clients()


def test_what_buildah_pushed_is_pulled(plain: RealRegistry, tmp_path: Path) -> None:
    needs("buildah")
    storage = [f"--root={tmp_path}/root", f"--runroot={tmp_path}/run", "--storage-driver=vfs"]
    (tmp_path / "file").write_bytes(b"from buildah\n")
    container = output("buildah", *storage, "from", "scratch").strip()
    output("buildah", *storage, "copy", container, str(tmp_path / "file"), "/file")
    output("buildah", *storage, "commit", "--format", "oci", container, "built")
    target = f"docker://{plain.name}/theirs/buildah:1"
    output("buildah", *storage, "push", "--tls-verify=false", "built", target)
    pulled = RegistrySource(connected(plain), at(plain, "theirs/buildah:1")).read()
    assert len(pulled.layers) == 1
    assert all(contents(pulled))
    close_clients()


def test_official_names_through_a_mirror(plain: RealRegistry) -> None:
    push(plain, "library/python:3.13-slim", runnable("python"))
    registries = connected(plain, mirrors={"docker.io": (plain.name,)})
    assert RegistrySource(registries, references.parse("python:3.13-slim")).read().raw == runnable("python").raw
    close_clients()
