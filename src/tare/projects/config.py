"""`[tool.tare]`: how the image of a project is to be, as the project itself says it."""

from __future__ import annotations

import msgspec


class Healthcheck(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine finds out whether a container still works. Docker has it; the OCI image config does not."""

    test: tuple[str, ...]
    """`CMD` and an argument list, `CMD-SHELL` and a command, or `NONE`."""

    interval: int | None = None
    """Nanoseconds between two checks, as Docker's image config counts."""

    timeout: int | None = None
    """Nanoseconds until a check has failed."""

    start_period: int | None = None
    """Nanoseconds after the start in which a failure does not count."""

    retries: int | None = None
    """Failures in a row until the container is unhealthy."""


class ToolConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What `[tool.tare]` says. `None` and empty mean that it does not say."""

    base: str | None = None
    entrypoint: tuple[str, ...] | None = None
    """Exec form. An empty one is a wish too: no entrypoint."""

    cmd: tuple[str, ...] | None = None
    user: str | None = None
    env: dict[str, str] = msgspec.field(default_factory=dict)
    workdir: str | None = None
    """An absolute POSIX path in the image."""

    ports: tuple[str, ...] = ()
    """`8080/tcp`, always with the protocol, as the image config has it."""

    healthcheck: Healthcheck | None = None
    stop_signal: str | None = None
    volumes: tuple[str, ...] = ()
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """Patterns, as in `.dockerignore`, of files that are taken although a rule leaves them out."""

    exclude: tuple[str, ...] = ()
    """Patterns, as in `.dockerignore`, of files that are never taken."""

    system_packages: tuple[str, ...] = ()
