"""What every engine that builds does: make an image from a Dockerfile, and tell what each step took."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from tare.engines.interface import RunOptions
from tare.engines.runner import Finished
from tare.engines.steps import Step


class BuildOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a Dockerfile is built."""

    dockerfile: Path | None = None
    """`Dockerfile` of the context by default."""

    called: str | None = None
    """What an error calls it, where its path says nothing to a person."""

    tag: str
    """The name that the image gets."""

    target: str | None = None
    """The last stage to build."""

    build_args: Mapping[str, str] = {}
    secrets: Mapping[str, Path] = {}
    """Files by the `id` that `RUN --mount=type=secret` has."""

    platform: str | None = None
    host_network: bool = False
    """Whether steps see the machine's network."""

    cache: bool = True
    """Whether layers of earlier builds are taken over."""

    insecure: bool = False
    """Whether bases may come from a registry without encryption. Docker's daemon decides that by itself."""

    pull: bool = False
    """Whether bases are asked for again."""

    timeout: float = 3600.0
    """Seconds after which the build is ended, and is an error."""


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """An image that an engine has built and holds."""

    reference: str
    """What the engine calls it."""

    image_id: str
    steps: tuple[Step, ...]
    seconds: float
    """From the start of the program to its end."""


class Builder(Protocol):
    """Something that builds Dockerfiles, and holds what it built.

    What the machine or the engine cannot do raises `MachineError`; a Dockerfile that does not build, `ProjectError`.
    """

    @property
    def name(self) -> str: ...

    def available(self) -> str | None:
        """Return why it cannot build on this machine, or None if it can."""
        ...

    def build(self, context: Path, options: BuildOptions) -> Built:
        """Build the Dockerfile of *context*."""
        ...

    def run(self, reference: str, options: RunOptions) -> Finished:
        """Run an image once, and return its exit code and what it printed."""
        ...

    def shown(self, reference: str) -> int:
        """Return the size that the engine's list of images has, in bytes."""
        ...

    def save(self, reference: str, archive: Path) -> None:
        """Write an image to a docker-archive."""
        ...

    def copy_out(self, reference: str, path: str, destination: Path) -> None:
        """Write the file or directory at *path* of an image into the directory *destination*."""
        ...

    def remove(self, reference: str) -> None:
        """Forget an image. One that is not there is no error."""
        ...
