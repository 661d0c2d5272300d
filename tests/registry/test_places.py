"""Where a registry is, how it may be spoken to, and where it may send its clients."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import authority
from fixture_registry import Registry
from hostile import say
from make.base_images import base_image
from samples import a_registry, client, reference_to, sample_image, sample_index, seed, told

from tare.errors import NetworkError, UsageError
from tare.net import address as addresses
from tare.net.address import Address
from tare.net.dial import Tls
from tare.net.wire import Fault
from tare.oci import reference as references
from tare.oci import validate
from tare.oci.image import make_index
from tare.stores.registry import manifests
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.guard import class_of, permit_from
from tare.stores.registry.places import mirrors_of, place_of, tls_for
from tare.stores.registry.settings import Settings
from tare.stores.registry.source import RegistrySource
from tare.stores.registry.unchecked import Unchecked


def places(registry: str, **settings: object) -> list[str]:
    return [str(address) for address in place_of(registry, Settings(**settings)).candidates]  # type: ignore[arg-type]  # one setting at a time


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("docker.io", ["https://registry-1.docker.io/"]),
        ("ghcr.io", ["https://ghcr.io/"]),
        ("registry.example:5000", ["https://registry.example:5000/"]),
        ("10.0.0.1:5000", ["https://10.0.0.1:5000/"]),
        ("localhost:5000", ["http://localhost:5000/", "https://localhost:5000/"]),
        ("127.0.0.1", ["http://127.0.0.1/", "https://127.0.0.1/"]),
        ("127.9.9.9:5000", ["http://127.9.9.9:5000/", "https://127.9.9.9:5000/"]),
        ("[::1]:5000", ["http://[::1]:5000/", "https://[::1]:5000/"]),
        ("localhost:443", ["https://localhost/"]),
        ("localhost.example:5000", ["https://localhost.example:5000/"]),
    ],
)
def test_plain_text_is_for_loopback(registry: str, expected: list[str]) -> None:
    assert places(registry) == expected


def test_plain_text_is_for_those_who_were_named() -> None:
    insecure = frozenset({"registry.example:5000", "plain.example"})
    assert places("registry.example:5000", insecure=insecure) == [
        "https://registry.example:5000/",
        "http://registry.example:5000/",
    ]
    assert places("registry.example", insecure=insecure) == ["https://registry.example/"]
    assert places("plain.example:7000", insecure=insecure) == [
        "https://plain.example:7000/",
        "http://plain.example:7000/",
    ]


def test_mirrors() -> None:
    settings = Settings(
        mirrors={"docker.io": ("127.0.0.1:5000", "https://mirror.example/hub", "HTTP://plain.example:81/a/b/")}
    )
    found = [(str(place.candidates[0]), place.prefix, place.registry) for place in mirrors_of("docker.io", settings)]
    assert found == [
        ("http://127.0.0.1:5000/", "", "127.0.0.1:5000"),
        ("https://mirror.example/", "hub/", "mirror.example"),
        ("http://plain.example:81/", "a/b/", "plain.example:81"),
    ]
    assert mirrors_of("ghcr.io", settings) == ()


@pytest.mark.parametrize("mirror", ["ftp://mirror.example", "user@mirror.example", "mirror.example:99999", "https://"])
def test_a_mirror_that_is_none(mirror: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a registry"):
        mirrors_of("docker.io", Settings(mirrors={"docker.io": (mirror,)}))


# Mirrors, used


@pytest.fixture
def mirror() -> Iterator[Registry]:
    with a_registry() as mirror:
        yield mirror


def test_official_names_work_through_a_mirror_unchanged(mirror: Registry) -> None:
    image = sample_image()
    seed(mirror, image, "library/python", "3.13-slim")
    registries = client(mirrors={"docker.io": (mirror.name,)})
    source = RegistrySource(registries, references.parse("python:3.13-slim"))
    assert source.read().raw == image.raw
    assert source.what == "`python:3.13-slim`"
    with source.read().layers[0].open() as stream, image.layers[0].open() as other:
        assert stream.read() == other.read()


def test_a_mirror_with_a_prefix(mirror: Registry) -> None:
    seed(mirror, sample_image(), "hub/library/python", "3")
    registries = client(mirrors={"docker.io": (f"http://{mirror.name}/hub",)})
    assert RegistrySource(registries, references.parse("python:3")).read().raw == sample_image().raw


def test_what_a_mirror_lacks_comes_from_the_next_and_then_from_the_registry(mirror: Registry) -> None:
    with a_registry() as registry:
        image = sample_image()
        seed(registry, image)
        mirror.rule("GET", "second", say(500))
        registries = client(mirrors={registry.name: (f"{mirror.url}/first", f"{mirror.url}/second")})
        pulled = RegistrySource(registries, reference_to(registry)).read()
        assert pulled.raw == image.raw
        assert mirror.server.lines[0] == "GET /v2/first/team/app/manifests/1"


def test_when_nobody_has_it_all_of_them_are_named(mirror: Registry) -> None:
    with a_registry() as registry:
        registries = client(mirrors={registry.name: (mirror.url,)})
        with pytest.raises(NetworkError) as caught:
            RegistrySource(registries, reference_to(registry)).read()
        assert told(caught.value).replace(registry.name, "registry").replace(mirror.name, "mirror") == (
            "cannot pull `registry/team/app:1`\n"
            "  GET http://mirror/v2/team/app/manifests/1: 404 NAME_UNKNOWN: repository name not known to registry\n"
            "  GET http://registry/v2/team/app/manifests/1: 404 NAME_UNKNOWN: repository name not known to registry"
        )


def test_a_tag_that_neither_a_mirror_nor_the_registry_has_is_looked_for_in_the_list(mirror: Registry) -> None:
    with a_registry() as registry:
        seed(registry, sample_image(), tag="2")
        registries = client(mirrors={registry.name: (mirror.url,)})
        with pytest.raises(NetworkError) as caught:
            RegistrySource(registries, reference_to(registry)).read()
        assert caught.value.hints == (f"`tare tags {registry.name}/team/app` lists its tags",)


def test_a_mirror_is_not_written_to(mirror: Registry) -> None:
    with a_registry() as registry:
        RegistryDestination(client(mirrors={registry.name: (mirror.url,)}), reference_to(registry)).write(
            sample_image()
        )
        assert mirror.requests == []
        assert registry.repository("team/app").tags


def test_a_mirror_may_have_an_index_without_its_images(mirror: Registry) -> None:
    with a_registry() as registry:
        index = sample_index()
        for image in index.images:
            seed(registry, image)
        mirror.add_manifest("team/app", "1", index.raw, index.descriptor.media_type)
        pulled = RegistrySource(client(mirrors={registry.name: (mirror.url,)}), reference_to(registry)).read_all()
        assert pulled.raw == index.raw


def test_what_a_mirror_lacks_of_an_index_is_checked_where_the_registry_has_it(mirror: Registry) -> None:
    with a_registry() as registry:
        index = make_index((base_image("amd64"), base_image("arm64")), {})
        RegistryDestination(client(), reference_to(registry)).write(index)
        mirror.add_manifest("team/app", "1", index.raw, index.descriptor.media_type)
        source = Unchecked(client(mirrors={registry.name: (mirror.url,)}), reference_to(registry))
        assert validate.image(source, source.raw, media_type=source.media_type).valid

        gone = index.images[0].layers[0].descriptor.digest
        registry.repository("team/app").blobs.discard(gone)
        found = validate.image(source, source.raw, media_type=source.media_type).findings
        assert [each.code for each in found if each.severity == "error"] == ["D008"]


def test_a_mirror_that_lies_is_found_out(mirror: Registry) -> None:
    from tare.errors import IntegrityError

    with a_registry() as registry:
        image = sample_image()
        seed(mirror, image)
        for digest in image.manifest.layers:
            mirror.blobs[digest.digest] = b"x" * digest.size
        pulled = RegistrySource(client(mirrors={registry.name: (mirror.url,)}), reference_to(registry)).read()
        with pulled.layers[0].open() as stream, pytest.raises(IntegrityError):
            stream.read()


# Encryption


def test_a_registry_on_loopback_may_speak_tls() -> None:
    with a_registry(context=authority().server()) as registry:
        registries = client(tls=Tls(ca_file=authority().ca))
        RegistryDestination(registries, reference_to(registry)).write(sample_image())
        assert RegistrySource(registries, reference_to(registry)).read().raw == sample_image().raw


def test_a_certificate_that_is_not_trusted_is_the_error_that_is_told() -> None:
    with a_registry(context=authority().server()) as registry:
        with pytest.raises(NetworkError) as caught:
            manifests.get(client().open(reference_to(registry)), "1")
        assert told(caught.value).replace(registry.name, "registry") == (
            "cannot pull `registry/team/app:1`\n"
            "  GET https://registry/v2/team/app/manifests/1: the server's certificate is not trusted: "
            "unable to get local issuer certificate\n"
            "hint: Name the certificates to trust in a file with `SSL_CERT_FILE`"
        )


def test_a_registry_that_was_named_as_insecure_needs_no_trusted_certificate() -> None:
    with a_registry(context=authority().server(authority().expired)) as registry:
        registries = client(insecure=frozenset({registry.name}))
        RegistryDestination(registries, reference_to(registry)).write(sample_image())
        assert registry.repository("team/app").tags


def test_a_registry_that_was_named_as_insecure_may_speak_plain_text() -> None:
    with a_registry() as registry:
        registries = client(insecure=frozenset({registry.name}))
        RegistryDestination(registries, reference_to(registry)).write(sample_image())
        assert registry.repository("team/app").tags


def certificates_for(registry: Registry, root: Path) -> Path:
    directory = root / registry.name
    directory.mkdir(parents=True)
    shutil.copy(authority().ca, directory / "ca.crt")
    shutil.copy(authority().client[0], directory / "client.cert")
    shutil.copy(authority().client[1], directory / "client.key")
    return directory


def test_a_registry_with_a_directory_of_certificates(tmp_path: Path) -> None:
    with a_registry(context=authority().server(clients=True)) as registry:
        certificates_for(registry, tmp_path)
        registries = client(certificates=(tmp_path / "missing", tmp_path))
        RegistryDestination(registries, reference_to(registry)).write(sample_image())
        assert registry.repository("team/app").tags
        assert all(
            str(address).startswith("https") for address in place_of(registry.name, registries.settings).candidates
        )


def test_certificates_are_for_the_registry_that_they_were_given_for(tmp_path: Path) -> None:
    (tmp_path / "registry.example").mkdir()
    (tmp_path / "registry.example" / "ca.crt").touch()
    settings = Settings(certificates=(tmp_path,))
    here = Address(scheme="https", host="registry.example", port=443)
    assert tls_for(here, settings).extra == (tmp_path / "registry.example" / "ca.crt",)
    for host, port in (("registry.example", 5000), ("other.example", 443), ("sub.registry.example", 443)):
        assert tls_for(Address(scheme="https", host=host, port=port), settings).extra == ()


@pytest.mark.parametrize("what", ["redirect", "realm", "upload"])
def test_nobody_is_led_from_encryption_to_plain_text(what: str) -> None:
    with a_registry(context=authority().server()) as registry, a_registry() as thief:
        seed(registry, sample_image())
        plain = f"http://{thief.name}/x"
        if what == "redirect":
            registry.rule("GET", "manifests", say(307, {"Location": plain}))
        elif what == "realm":
            registry.rule("GET", "manifests", say(401, {"WWW-Authenticate": f'Bearer realm="{plain}"'}))
        else:
            registry.rule("POST", "uploads", say(202, {"Location": plain}))
        registries = client(tls=Tls(ca_file=authority().ca))

        def act() -> None:
            if what == "upload":
                RegistryDestination(registries, reference_to(registry, tag="2")).write(sample_image("new"))
            else:
                manifests.get(registries.open(reference_to(registry)), "1")

        with pytest.raises(NetworkError) as caught:
            act()
        assert "is not encrypted" in caught.value.causes[0]
        assert thief.requests == []


# Where a registry may send its clients


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("9.9.9.9", 0),
        ("2620:fe::fe", 0),
        ("10.0.0.1", 1),
        ("172.16.0.1", 1),
        ("192.168.0.1", 1),
        ("100.64.0.1", 1),
        ("fd00::1", 1),
        ("127.0.0.1", 2),
        ("::1", 2),
        ("::ffff:127.0.0.1", 2),
        ("::ffff:10.0.0.1", 1),
        ("64:ff9b::a00:1", 1),
        ("2002:7f00:1::", 2),
        ("169.254.169.254", 3),
        ("::ffff:169.254.169.254", 3),
        ("fe80::1%eth0", 3),
        ("0.0.0.0", 3),
        ("::", 3),
        ("224.0.0.1", 3),
        ("not an address", 3),
        ("127.1", 3),
    ],
)
def test_addresses_are_as_private_as_they_are(address: str, kind: int) -> None:
    assert class_of(address) == kind


def permitted(home: str, peer: str | None, target: str, resolved: str) -> bool:
    here, there = addresses.parse(home), addresses.parse(target)
    assert here is not None
    assert there is not None
    try:
        permit = permit_from(here, peer, there)
    except Fault:
        return False
    return permit is None or permit(resolved)


@pytest.mark.parametrize(
    ("home", "peer", "target", "resolved", "allowed"),
    [
        ("https://r.example/", "9.9.9.9", "https://cdn.example/", "8.8.8.8", True),
        ("https://r.example/", "9.9.9.9", "https://cdn.example/", "10.0.0.1", False),
        ("https://r.example/", "9.9.9.9", "https://cdn.example/", "127.0.0.1", False),
        ("https://r.example/", "9.9.9.9", "https://cdn.example/", "169.254.169.254", False),
        ("https://r.example/", "10.0.0.2", "https://minio.corp/", "10.0.0.3", True),
        ("https://r.example/", "10.0.0.2", "https://cdn.example/", "8.8.8.8", True),
        ("https://r.example/", "10.0.0.2", "https://minio.corp/", "127.0.0.1", False),
        ("https://r.example/", "10.0.0.2", "https://minio.corp/", "169.254.169.254", False),
        ("https://r.example/", "", "https://minio.corp/", "10.0.0.3", False),
        ("https://r.example/", None, "https://cdn.example/", "8.8.8.8", True),
        ("https://r.example/", "9.9.9.9", "https://r.example:8443/", "10.0.0.1", True),
        ("http://localhost:5000/", "127.0.0.1", "http://127.0.0.1:9000/", "127.0.0.1", True),
        ("http://localhost:5000/", "127.0.0.1", "http://minio.corp/", "10.0.0.3", False),
        ("https://r.example/", "9.9.9.9", "https://localhost/", "127.0.0.1", False),
        ("https://r.example/", "9.9.9.9", "https://[::1]/", "::1", False),
        ("https://r.example/", "9.9.9.9", "https://10.0.0.1/", "10.0.0.1", False),
        ("https://r.example/", "9.9.9.9", "http://cdn.example/", "8.8.8.8", False),
    ],
)
def test_a_registry_sends_nobody_where_it_is_more_private_than_itself(
    home: str,
    peer: str | None,
    target: str,
    resolved: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    assert permitted(home, peer, target, resolved) is allowed
