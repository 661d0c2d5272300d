"""A registry that cannot be reached: what a person is told to look at."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from samples import client, close_clients, told

from tare.errors import NetworkError, UsageError
from tare.flow import registries as environment
from tare.oci import reference as references
from tare.stores.registry.advice import unreachable
from tare.stores.registry.places import place_of
from tare.stores.registry.settings import Settings
from tare.stores.registry.source import RegistrySource


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_nothing_listens() -> None:
    name = f"127.0.0.1:{closed_port()}"
    with pytest.raises(NetworkError) as caught:
        RegistrySource(client(attempts=2), references.parse(f"{name}/app:1")).read()
    assert told(caught.value) == (
        f"cannot pull `{name}/app:1`\n"
        f"  GET http://{name}/v2/app/manifests/1: the connection was refused\n"
        "  it was tried 2 times\n"
        f"hint: Check that a registry runs at `{name}`, and the port"
    )
    close_clients()


HINTS = {
    "tls": "If it has no encryption and you accept that, add `--insecure-registry registry.example:5000`",
    "refused": "Check that a registry runs at `registry.example:5000`, and the port",
    "name": "Check the spelling of `registry.example:5000`, or name a proxy in `HTTPS_PROXY`",
}


@pytest.mark.parametrize("kind", ["tls", "refused", "name"])
def test_each_way_has_its_hint(kind: str) -> None:
    tell: Callable[..., tuple[str, ...]] = unreachable
    assert tell(kind, place_of("registry.example:5000", Settings())) == (HINTS[kind],)


def test_a_registry_that_was_named_as_insecure_is_not_named_again() -> None:
    settings = Settings(insecure=frozenset({"registry.example"}))
    assert unreachable("tls", place_of("registry.example", settings)) == ()


def test_a_name_without_a_registry_is_docker_hubs() -> None:
    hint = "A name without a registry is one of `docker.io`; write another one's as `HOST[:PORT]/NAME`"
    assert unreachable("name", place_of("docker.io", Settings())) == (hint,)


def test_an_insecure_registry_is_a_host(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(UsageError) as caught:
        environment.settings(
            {}, root=tmp_path_factory.mktemp("root"), proxies={}, insecure=["http://registry.example:5000/"], mirrors=[]
        )
    assert told(caught.value) == (
        "`--insecure-registry http://registry.example:5000/` is not a host\n"
        "hint: Write `--insecure-registry registry.example:5000`"
    )
