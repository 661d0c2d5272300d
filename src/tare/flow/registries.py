"""How registries are reached: from the environment, the machine's files, and what a person named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tare.errors import UsageError
from tare.net import address as addresses
from tare.net.dial import Tls, is_loopback
from tare.oci.reference import DEFAULT_REGISTRY, parse
from tare.stores.registry.credentials import credential_files
from tare.stores.registry.settings import CredentialSources, Settings

_MIRROR = "Write it as `HOST[:PORT]` or `REGISTRY=HOST`"
_CERTIFICATES = ("etc/docker/certs.d", "etc/containers/certs.d")


def settings(
    environment: Mapping[str, str],
    *,
    root: Path,
    proxies: dict[str, str],
    insecure: Sequence[str],
    mirrors: Sequence[str],
) -> Settings:
    """Return the settings of one run.

    *insecure* are `HOST[:PORT]`; *mirrors* are `[REGISTRY=][SCHEME://]HOST[:PORT][/PREFIX]`, of Docker Hub where no
    registry is named.
    """
    check(insecure, mirrors)
    usual = environment.get("TARE_MIRROR", "").split()
    _check_mirrors(usual, "TARE_MIRROR=")
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or "/nonexistent")
    bundle = environment.get("SSL_CERT_FILE")
    return Settings(
        insecure=frozenset(insecure),
        mirrors=_mirrors([*mirrors, *usual]),
        tls=Tls(ca_file=Path(bundle) if bundle else None),
        certificates=(*(root / path for path in _CERTIFICATES), home / ".docker" / "certs.d"),
        credentials=CredentialSources(
            files=credential_files(environment, home),
            inline=environment.get("DOCKER_AUTH_CONFIG"),
            environment=dict(environment),
        ),
        proxies=proxies,
    )


def check(insecure: Sequence[str], mirrors: Sequence[str]) -> None:
    """Raise `UsageError` unless all that names a registry does: before anything is done, and if it is needed or not."""
    for word in insecure:
        host = word.rpartition("://")[2].partition("/")[0]
        if addresses.parse(f"https://{host}") is None:
            raise UsageError(
                f"`--insecure-registry {word}` is not a host", hints=("Write it as `HOST` or `HOST:PORT`",)
            )
        if "/" in word:
            raise UsageError(
                f"`--insecure-registry {word}` is not a host", hints=(f"Write `--insecure-registry {host}`",)
            )
    _check_mirrors(mirrors, "--mirror ")


def unverified(image: str, insecure: Sequence[str]) -> bool:
    """Tell whether the registry of *image* need not show who it is: on loopback, as Docker has it, or as was said.

    >>> unverified("127.0.0.1:5000/python", ()), unverified("registry.example/python", ("registry.example",))
    (True, True)
    >>> unverified("python:3.13-slim", ("registry.example",))
    False
    """
    registry = parse(image).registry
    address = addresses.parse(f"https://{registry}")
    return address is not None and (is_loopback(address.host) or registry in insecure or address.host in insecure)


def _check_mirrors(words: Sequence[str], said: str) -> None:
    """Raise `UsageError` unless all *words* name mirrors. *said* is what stands before one in an error."""
    for word in words:
        registry, mirror = _mirror(word)
        scheme, _, rest = mirror.rpartition("://")
        host = rest.partition("/")[0]
        if scheme not in {"", "http", "https"} or any(
            addresses.parse(f"https://{name}") is None for name in (registry, host)
        ):
            user, at, rest = word.rpartition("@")  # A password must not get into a log.
            raise UsageError(f"`{said}{'…' if user else ''}{at}{rest}` is not understood", hints=(_MIRROR,))


def _mirrors(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for registry, mirror in map(_mirror, words):
        found[registry] = (*found.get(registry, ()), mirror)
    return found


def _mirror(word: str) -> tuple[str, str]:
    """Return a registry, and its mirror."""
    registry, equals, mirror = word.partition("=")
    return (registry, mirror) if equals else (DEFAULT_REGISTRY, word)
