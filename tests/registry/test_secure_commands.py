"""Whole commands with Debian's `docker-registry`, behind TLS of a test authority and a password file."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from certificates import authority
from command import Place, Ran
from make.images import small
from real_registry import RealRegistry, docker_registry
from samples import PASSWORD, USER

from tare.stores.layout_writer import LayoutDestination

pytestmark = pytest.mark.e2e

AUTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
WRONG = base64.b64encode(f"{USER}:no-such-word".encode()).decode()


@pytest.fixture(scope="module")
def secure() -> Iterator[RealRegistry]:
    with docker_registry(secure=True) as registry:
        yield registry


@pytest.fixture
def shop(place: Place, secure: RealRegistry) -> Place:
    """A place with an image to copy, that trusts the tests' authority."""
    del place.environment["UV_OFFLINE"]
    LayoutDestination(place.app / "dist").write(small())
    place.environment["SSL_CERT_FILE"] = str(authority().ca)
    return place


def configure(path: Path, registry: RealRegistry, auth: str = AUTH) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {registry.name: {"auth": auth}}}), encoding="ascii")


def copied(place: Place, registry: RealRegistry, *options: str) -> Ran:
    ran = place("copy", "oci:dist", f"{registry.name}/app:1", *options)
    return Ran(ran.code, ran.out.replace(registry.name, "REGISTRY"), ran.err.replace(registry.name, "REGISTRY"))


DONE = Ran(0, "REGISTRY/app:1 sha256:DIGEST\n", "")


def test_credentials_are_dockers(shop: Place, secure: RealRegistry) -> None:
    configure(shop.root / "home" / ".docker" / "config.json", secure)
    assert copied(shop, secure) == DONE
    assert shop("verify", f"{secure.name}/app:1").code == 0
    assert shop("copy", f"{secure.name}/app:1", "oci:back").code == 0
    assert shop.document("tags", f"{secure.name}/app")["tags"][0]["name"] == "1"


def test_or_those_of_containers(shop: Place, secure: RealRegistry) -> None:
    shop.environment["REGISTRY_AUTH_FILE"] = str(shop.root / "auth.json")
    configure(shop.root / "auth.json", secure)
    assert copied(shop, secure) == DONE


def test_or_what_a_helper_says(shop: Place, secure: RealRegistry) -> None:
    helper = shop.root / "bin" / "docker-credential-tests"
    helper.parent.mkdir()
    answer = json.dumps({"ServerURL": secure.name, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\n[ $1 = get ] && [ $(cat) = {secure.name} ] && echo '{answer}'\n")
    helper.chmod(0o755)
    config = shop.root / "home" / ".docker" / "config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"credHelpers": {secure.name: "tests"}}), encoding="ascii")
    shop.environment["PATH"] = f"{helper.parent}:{shop.environment['PATH']}"
    assert copied(shop, secure) == DONE


def test_without_credentials_a_person_is_told_what_to_do(shop: Place, secure: RealRegistry) -> None:
    assert copied(shop, secure) == Ran(
        4,
        "",
        "error: cannot push `REGISTRY/app:1`\n"
        "  caused by: HEAD https://REGISTRY/v2/app/manifests/1: 401 Unauthorized\n"
        "\n"
        "hint: Run `docker login REGISTRY`; credentials are read from `~/.docker/config.json`\n",
    )


def test_a_wrong_password_is_told_with_its_user(shop: Place, secure: RealRegistry) -> None:
    configure(shop.root / "home" / ".docker" / "config.json", secure, WRONG)
    assert copied(shop, secure) == Ran(
        4,
        "",
        "error: cannot push `REGISTRY/app:1`\n"
        "  caused by: HEAD https://REGISTRY/v2/app/manifests/1: 401 Unauthorized\n"
        f"  caused by: the credentials of `{USER}` were sent\n"
        "\n"
        "hint: Run `docker login REGISTRY`; credentials are read from `~/.docker/config.json`\n",
    )


def test_a_certificate_that_nobody_knows_is_not_trusted(shop: Place, secure: RealRegistry) -> None:
    del shop.environment["SSL_CERT_FILE"]
    ran = copied(shop, secure)
    assert (ran.code, ran.out) == (4, "")
    assert "the server's certificate is not trusted: " in ran.err
    assert ran.err.endswith("\n\nhint: Name the certificates to trust in a file with `SSL_CERT_FILE`\n")


def test_unless_the_registry_was_named_as_insecure(shop: Place, secure: RealRegistry) -> None:
    del shop.environment["SSL_CERT_FILE"]
    configure(shop.root / "home" / ".docker" / "config.json", secure)
    assert copied(shop, secure, "--insecure-registry", secure.name) == DONE


def test_certificates_of_a_client_are_shown_where_docker_has_them(shop: Place) -> None:
    with docker_registry(secure=True, clients=True) as registry:
        configure(shop.root / "home" / ".docker" / "config.json", registry)
        assert copied(shop, registry).code == 4, "it wants to see a certificate"
        ours = shop.root / "home" / ".docker" / "certs.d" / registry.name
        ours.mkdir(parents=True)
        for source, name in zip((authority().ca, *authority().client), ("ca.crt", "us.cert", "us.key"), strict=True):
            shutil.copy(source, ours / name)
        del shop.environment["SSL_CERT_FILE"]
        assert copied(shop, registry) == DONE
