"""`[tool.tare]`: how the image of a project is to be, as the project itself says it."""

from __future__ import annotations

import msgspec

from tare.oci.config import Healthcheck
from tare.projects.bytecode import Wish


class LintConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What `[tool.tare.lint]` says. Codes may be shortened: `TP2` is every code that begins so."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: dict[str, str] = msgspec.field(default_factory=dict)
    """`error`, `warning` or `info`, by code."""

    per_file_ignores: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Codes by pattern of a file."""


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
    bytecode: Wish | None = None
    """Which modules have bytecode; a number is the bytes that it may weigh."""

    lint: LintConfig = LintConfig()
