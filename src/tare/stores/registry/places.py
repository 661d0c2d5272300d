"""Where a registry is: the addresses under which its name may be reached, and what may be said there.

Plain text is spoken only on loopback, where Docker takes it too, and to registries that were named as insecure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tare.errors import UsageError
from tare.net import address as addresses
from tare.net.address import Address
from tare.net.dial import Tls, is_loopback
from tare.oci.reference import DEFAULT_REGISTRY
from tare.stores.registry.settings import Settings

_HUB: Final = "registry-1.docker.io"
_NO_PREFIX: Final = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A registry, as it can be reached."""

    registry: str
    """The name that credentials are kept under."""

    candidates: tuple[Address, ...]
    """Where it may answer; the first that does is kept."""

    prefix: str = _NO_PREFIX
    """What a mirror puts before the names of repositories; empty, or with a slash at its end."""


def place_of(registry: str, settings: Settings) -> Place:
    """Return where *registry* is."""
    if registry == DEFAULT_REGISTRY:
        return Place(registry=registry, candidates=(_address("https", _HUB, registry),))
    https = _address("https", registry, registry)
    if is_loopback(https.host) and not registry.endswith(":443") and not _own_directories(https, settings):
        # No other machine hears what is said there, nothing is shown before the registry asks, and a server that speaks
        # TLS says so at once. The other way round each run would load TLS (8 ms) to be told that there is none.
        return Place(registry=registry, candidates=(_address("http", registry, registry), https))
    if is_insecure(https, registry, settings):
        return Place(registry=registry, candidates=(https, _address("http", registry, registry)))
    return Place(registry=registry, candidates=(https,))


def mirrors_of(registry: str, settings: Settings) -> tuple[Place, ...]:
    """Return the mirrors of *registry*, in the order in which they are to be asked."""
    return tuple(_mirror(text, settings) for text in settings.mirrors.get(registry, ()))


def _mirror(text: str, settings: Settings) -> Place:
    scheme, separator, rest = text.rpartition("://")
    host, _, prefix = rest.strip("/").partition("/")
    prefix = f"{prefix}/" if prefix else _NO_PREFIX
    if not separator:
        return msgspec.structs.replace(place_of(host, settings), prefix=prefix)
    return Place(registry=host, candidates=(_address(scheme.lower(), host, text),), prefix=prefix)


def _address(scheme: str, host: str, named: str) -> Address:
    found = addresses.parse(f"{scheme}://{host}")
    if found is None or found.target != "/":
        raise UsageError(f"`{named}` is not the name of a registry", hints=("Write it as `HOST` or `HOST:PORT`",))
    return found


def is_insecure(address: Address, registry: str, settings: Settings) -> bool:
    """Return whether *registry* was named as one that needs no trusted certificate."""
    return (
        registry in settings.insecure
        or address.host in settings.insecure
        or f"{address.host}:{address.port}" in settings.insecure
    )


def tls_for(address: Address, settings: Settings) -> Tls:
    """Return whom to trust at *address*, and which certificate of ours to show there."""
    tls = settings.tls
    if is_insecure(address, address.netloc, settings):
        tls = msgspec.structs.replace(tls, verify=False)
    for directory in _own_directories(address, settings):
        names = sorted(directory.iterdir())
        keys = {name.stem: name for name in names if name.suffix == ".key"}
        ours = [name for name in names if name.suffix == ".cert" and name.stem in keys]
        tls = msgspec.structs.replace(tls, extra=(*tls.extra, *(name for name in names if name.suffix == ".crt")))
        if ours:
            tls = msgspec.structs.replace(tls, certificate=ours[0], key=keys[ours[0].stem])
    return tls


def _own_directories(address: Address, settings: Settings) -> list[Path]:
    """Return the directories of certificates for *address*: `HOST:PORT`, or `HOST` for the port that goes unsaid."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    names = {f"{host}:{address.port}", address.netloc}
    return [path for root in settings.certificates for name in sorted(names) if (path := root / name).is_dir()]
