"""The image configuration: how to run a root file system, and what it is made of.

https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

import msgspec

from tare.oci.digest import Digest


class Healthcheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="pascal"):
    """A check that Docker runs inside the container. The specification reserves the field for Docker."""

    test: tuple[str, ...]
    """`CMD` and arguments, `CMD-SHELL` and a line, or `NONE`."""

    interval: int | None = None
    """Nanoseconds between two checks, as for all durations here."""

    timeout: int | None = None
    start_period: int | None = None
    retries: int | None = None


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="pascal"):
    """The defaults of a container: the specification's `config` property."""

    user: str = ""
    exposed_ports: dict[str, dict[str, str]] | None = {}
    env: tuple[str, ...] | None = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    volumes: dict[str, dict[str, str]] | None = {}
    working_dir: str = ""
    labels: dict[str, str] | None = {}
    stop_signal: str | None = None
    healthcheck: Healthcheck | None = None
    shell: tuple[str, ...] | None = None

    def environment(self) -> dict[str, str]:
        """Return `env` as a mapping."""
        return dict(item.partition("=")[::2] for item in self.env or ())


class RootFS(msgspec.Struct, frozen=True, kw_only=True):
    """The layers, bottom first, by the digests of their uncompressed tars."""

    type: str
    diff_ids: tuple[Digest, ...]


class History(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What made one layer, or changed only the configuration."""

    created: str | None = None
    created_by: str | None = None
    comment: str | None = None
    author: str | None = None
    empty_layer: bool = False


class ImageConfig(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The document that an image's manifest names as its config."""

    architecture: str
    os: str
    rootfs: RootFS
    config: RunConfig = RunConfig()
    history: tuple[History, ...] | None = ()
    created: str | None = None
    author: str | None = None
    variant: str | None = None
    os_version: str | None = msgspec.field(default=None, name="os.version")
