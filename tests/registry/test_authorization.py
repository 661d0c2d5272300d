"""What a registry is shown: what it asked for, and nobody else."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fixture_registry import Registry
from samples import PASSWORD, USER, Waits, a_registry, client, reference_to, sample_image, seed, told

from tare.errors import NetworkError
from tare.stores.registry import manifests
from tare.stores.registry.destination import RegistryDestination
from tare.stores.registry.repository import Registries
from tare.stores.registry.settings import CredentialSources
from tare.stores.registry.source import RegistrySource


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        registry.users[USER] = PASSWORD
        yield registry


def known(registry: Registry, entry: dict[str, str] | None = None, **settings: Any) -> Registries:
    """Return a client that has credentials."""
    entry = entry or {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
    inline = json.dumps({"auths": {registry.name: entry}})
    return client(credentials=CredentialSources(inline=inline), **settings)


def shown(registry: Registry) -> list[str]:
    """Return the scheme of what came with each request, and whether it was for tokens."""
    return [
        f"{seen.method} {seen.target.partition('?')[0]} {seen.headers.get('authorization', 'nothing').partition(' ')[0]}"
        for seen in registry.requests
    ]


def test_nothing_is_shown_before_it_is_asked_for(registry: Registry) -> None:
    seed(registry, sample_image())
    manifests.get(known(registry).open(reference_to(registry)), "1")
    assert shown(registry) == ["GET /v2/team/app/manifests/1 nothing"]


def test_a_password(registry: Registry) -> None:
    registry.auth = "basic"
    seed(registry, sample_image())
    repository = known(registry).open(reference_to(registry))
    manifests.get(repository, "1")
    manifests.get(repository, "1")
    assert shown(registry) == ["GET /v2/team/app/manifests/1 nothing", *["GET /v2/team/app/manifests/1 Basic"] * 2]


def test_a_token(registry: Registry) -> None:
    registry.auth = "token"
    seed(registry, sample_image())
    repository = known(registry).open(reference_to(registry))
    manifests.get(repository, "1")
    manifests.get(repository, "1")
    assert shown(registry) == [
        "GET /v2/team/app/manifests/1 nothing",
        "GET /token Basic",
        *["GET /v2/team/app/manifests/1 Bearer"] * 2,
    ]
    assert registry.requests[1].target == (
        f"/token?service=fixture&scope=repository%3Ateam%2Fapp%3Apull&account={USER}"
    )


def test_a_push_asks_for_one_token(registry: Registry) -> None:
    registry.auth = "token"
    RegistryDestination(known(registry, threads=4), reference_to(registry)).write(sample_image())
    assert registry.tokens_issued == 1
    assert registry.repository("team/app").tags


def test_a_mount_asks_for_a_token_that_is_good_for_both(registry: Registry) -> None:
    registry.auth = "token"
    seed(registry, sample_image(), "library/base")
    registries = known(registry)
    base = RegistrySource(registries, reference_to(registry, "library/base")).read()
    RegistryDestination(registries, reference_to(registry)).write(base)
    asked = [seen.target for seen in registry.requests if seen.target.startswith("/token")]
    assert any("base" in target and "app" in target for target in asked)
    assert not [seen for seen in registry.requests if seen.method == "GET" and "/library/base/blobs/" in seen.target][
        1:
    ]


def test_anybody(registry: Registry) -> None:
    registry.auth = "token"
    registry.anonymous_pull = True
    seed(registry, sample_image())
    manifests.get(client().open(reference_to(registry)), "1")
    assert "GET /token nothing" in shown(registry)


def test_an_identity_token_is_sent_in_a_form(registry: Registry) -> None:
    registry.auth = "token"
    registry.identity_tokens.add("refresh-me")
    seed(registry, sample_image())
    manifests.get(known(registry, {"identitytoken": "refresh-me"}).open(reference_to(registry)), "1")
    assert "POST /token nothing" in shown(registry)
    assert "refresh-me" not in str([seen.target for seen in registry.requests])


def test_a_service_without_forms_gets_an_identity_token_as_a_password(registry: Registry) -> None:
    from hostile import say

    registry.auth = "token"
    registry.users["<token>"] = "refresh-me"
    registry.rule("POST", "/token", say(404))
    seed(registry, sample_image())
    manifests.get(known(registry, {"identitytoken": "refresh-me"}).open(reference_to(registry)), "1")
    assert [line for line in shown(registry) if "token" in line] == ["POST /token nothing", "GET /token Basic"]


def test_a_registry_token_is_used_as_it_is(registry: Registry) -> None:
    registry.auth = "token"
    registry.tokens["ready-made"] = (float("inf"), frozenset({"repository:team/app:pull"}))
    seed(registry, sample_image())
    manifests.get(known(registry, {"registrytoken": "ready-made"}).open(reference_to(registry)), "1")
    assert registry.tokens_issued == 0


def test_a_token_is_renewed_before_it_ends(registry: Registry) -> None:
    now = [1000.0]
    waits = Waits()
    registry.auth = "token"
    registry.token_lifetime = 60.0
    seed(registry, sample_image())
    import msgspec

    waits.clock = msgspec.structs.replace(waits.clock, monotonic=lambda: now[0])
    repository = known(registry, waits=waits).open(reference_to(registry))
    for later in (0.0, 40.0, 47.0, 48.1):
        now[0] = 1000.0 + later
        manifests.get(repository, "1")
    assert registry.tokens_issued == 2
    assert not [line for line in shown(registry) if line.endswith("nothing")][1:]


def test_a_token_that_was_revoked_is_renewed(registry: Registry) -> None:
    registry.auth = "token"
    seed(registry, sample_image())
    repository = known(registry).open(reference_to(registry))
    manifests.get(repository, "1")
    registry.revoke_tokens()
    manifests.get(repository, "1")
    assert registry.tokens_issued == 2


def test_a_token_service_may_be_named_by_a_path(registry: Registry) -> None:
    from hostile import say

    registry.auth = "token"
    seed(registry, sample_image())
    registry.rule(
        "GET", "manifests", say(401, {"WWW-Authenticate": 'Basic realm="x", Bearer realm="/token",service="fixture"'}),
        {1}, early=True,
    )  # fmt: skip
    manifests.get(known(registry).open(reference_to(registry)), "1")
    assert registry.tokens_issued == 1


def test_a_token_service_elsewhere_must_have_been_named_or_be_encrypted(registry: Registry) -> None:
    from hostile import say

    registry.auth = "token"
    seed(registry, sample_image())
    with a_registry() as service:
        service.users[USER] = PASSWORD
        challenge = f'Bearer realm="{service.url}/token",service="fixture"'
        registry.rule("GET", "manifests", say(401, {"WWW-Authenticate": challenge}), early=True)
        with pytest.raises(NetworkError, match="cannot pull"):
            manifests.get(known(registry).open(reference_to(registry)), "1")
        assert service.requests == []
        with pytest.raises(NetworkError):
            manifests.get(known(registry, insecure=frozenset({service.name})).open(reference_to(registry)), "1")
        assert [seen.headers["authorization"].partition(" ")[0] for seen in service.requests] == ["Basic"] * 2


def test_a_wrong_password_is_said_to_be_wrong(registry: Registry) -> None:
    registry.auth = "basic"
    wrong = {"auth": base64.b64encode(b"robot:wrong").decode()}
    with pytest.raises(NetworkError) as caught:
        manifests.get(known(registry, wrong).open(reference_to(registry)), "1")
    assert told(caught.value).replace(registry.name, "registry") == (
        "cannot pull `registry/team/app:1`\n"
        "  GET http://registry/v2/team/app/manifests/1: 401 UNAUTHORIZED: authentication required\n"
        "  the credentials of `robot` were sent\n"
        "hint: Run `docker login registry`; credentials are read from `~/.docker/config.json`"
    )
    assert len(registry.requests) == 2


def test_without_credentials_a_person_is_told_how_to_give_some(registry: Registry) -> None:
    registry.auth = "basic"
    with pytest.raises(NetworkError) as caught:
        manifests.get(client().open(reference_to(registry)), "1")
    assert told(caught.value).replace(registry.name, "registry") == (
        "cannot pull `registry/team/app:1`\n"
        "  GET http://registry/v2/team/app/manifests/1: 401 UNAUTHORIZED: authentication required\n"
        "hint: Run `docker login registry`; credentials are read from `~/.docker/config.json`"
    )


def test_ping(registry: Registry) -> None:
    registry.auth = "basic"
    known(registry).ping(registry.name)
    with pytest.raises(NetworkError, match="cannot reach"):
        client().ping(registry.name)
