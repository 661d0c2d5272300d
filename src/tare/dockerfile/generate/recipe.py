"""Everything that decides how a project's Dockerfile is, as one frozen value."""

from __future__ import annotations

import msgspec

from tare.dockerfile.generate.tables import Tool
from tare.oci.config import Healthcheck


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a Dockerfile names."""

    reference: str
    """With its tag, and without a digest: `python:3.13-slim-trixie`."""

    digest: str | None = None
    """None when no registry could say it."""

    def __str__(self) -> str:
        return f"{self.reference}@{self.digest}" if self.digest else self.reference


class Base(Pinned, frozen=True, kw_only=True):
    """The image that every stage starts from."""

    os: str = ""
    """`debian` or `alpine`; empty when it is not known."""

    suite: str = ""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Files of distributions that no container needs."""

    directory: str
    """The absolute path of the directory that the patterns are relative to."""

    patterns: tuple[str, ...]
    """Of the shell. What they match goes, directories with all that is in them."""

    files: int
    size: int
    """Bytes, unpacked."""


class Install(msgspec.Struct, frozen=True, kw_only=True):
    """How the environment is made."""

    tool: Tool
    image: Pinned | None = None
    """Where uv comes from, to be the tool or to install it; None when pip does."""

    lock: str
    """The lock's path in the context; empty when there is only the project to install."""

    files: tuple[str, ...]
    """All files of the context that the tool reads, the lock first."""

    hashed: bool
    """Whether the lock has a hash for everything."""

    options: tuple[str, ...] = ()
    """What adds the extras and groups that are wanted to each command of the tool."""

    slim: LeftOut | None = None
    """What of the distributions is removed; None when nothing is."""

    project: bool
    """Whether the project itself is built and installed."""

    version: str | None = None
    """The build argument that tells the project's version, when only version control knows it."""

    local: bool = False
    """Whether some of the dependencies lie in the project, or what the tool holds the lock against does."""

    sources_first: bool = False
    """Whether nothing can be installed before the sources are there, since the tool installs all or none."""

    links: tuple[str, ...] = ()
    """Directories of the project that the environment only refers to, since the lock has them as editable."""

    netrc: bool = False
    """Whether an index may want credentials."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A Dockerfile before it is words."""

    command: str
    """The command that makes it again."""

    title: str
    made_from: tuple[str, ...]
    """Names of the files that it was made from."""

    base: Base
    install: Install | None
    """None when there is nothing to install."""

    build_packages: tuple[str, ...] = ()
    run_packages: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    """Distributions that are built from source."""

    certificates: bool = False
    """Whether a build may be given another bundle of certificates."""

    workdir: str
    sources: bool
    """Whether the project's sources go into the image."""

    directory: str = "."
    """The project's directory in the context: another one for a member of a workspace."""

    user: str
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    stop_signal: str | None = None
    healthcheck: Healthcheck | None = None
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    reason: str = ""
    """Why it runs this."""

    script: str | None = None
    """The path of the entrypoint that is written, in the context."""
