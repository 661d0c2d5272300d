"""What decides how registries are reached. All of it is handed down; nothing here looks around by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tare.net.connection import Limits
from tare.net.dial import Tls

MIB = 1024 * 1024


def _chance() -> float:
    import random  # 1 ms, and most requests succeed at once

    return random.random()  # noqa: S311  # it spreads requests in time, and keeps no secret


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Time and chance, as arguments."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    """Seconds since 1970, for dates that servers state."""
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = _chance
    """A number from 0 to below 1."""


class CredentialSources(msgspec.Struct, frozen=True, kw_only=True):
    """Where names and passwords may be found."""

    files: tuple[Path, ...] = ()
    """Files of Docker and containers, the most important first; those that do not exist are passed over."""

    inline: str | None = None
    """A document like those files, before all of them: what `DOCKER_AUTH_CONFIG` holds."""

    environment: dict[str, str] = {}
    """What credential helpers are run with."""

    helper_timeout: float = 30.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach registries."""

    insecure: frozenset[str] = frozenset()
    """`HOST[:PORT]` of registries that may be spoken to without a trusted certificate, or in plain text."""

    mirrors: dict[str, tuple[str, ...]] = {}
    """For a registry, `[SCHEME://]HOST[:PORT][/PREFIX]` of mirrors that are asked first when something is read."""

    tls: Tls = Tls()

    certificates: tuple[Path, ...] = ()
    """Directories like `/etc/docker/certs.d`: `HOST[:PORT]/*.crt` are trusted there, `*.cert` and `*.key` are ours."""

    credentials: CredentialSources = CredentialSources()

    proxies: dict[str, str] = {}
    """With the keys `http`, `https`, `all` and `no`."""

    limits: Limits = Limits()

    attempts: int = 6
    """How often one request is tried, as long as it brings nothing."""

    deadline: float = 300.0
    """Seconds, waiting included, after which a request that brings nothing is given up."""

    threads: int = 4
    """Blobs that are asked for or uploaded at once."""

    processors: int = 2
    """The same, where a registry is so near that processors are waited for, and not the network."""

    chunk: int = 64 * MIB
    """Bytes of a chunk, where an upload must be done in chunks."""

    always_chunk: bool = False
    """Upload in chunks also where one request would do."""

    user_agent: str = "tare"
