"""What a person asks of a generated Dockerfile, and what the file itself says was asked."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterable

import msgspec

from tare.dockerfile.generate.merge import Piece
from tare.oci import platform
from tare.oci.platform import Platform
from tare.projects.config import ToolConfig

NAME = "Dockerfile"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for. What is None is decided by the project, or kept as it is."""

    package: str | None = None
    """The member that is meant, when the context is a workspace of uv."""

    tool: str | None = None
    base: str | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    tool_from: str | None = None
    """An image that has uv, to be the tool or to install it; or `index`, when pip does. None for uv's own."""

    slim: bool = False
    """Whether what no container needs of the distributions is removed."""

    certificates: bool = False
    script: bool = False
    output: str = NAME
    """The Dockerfile's path, relative to the project."""

    pull: bool = False
    """Whether the base's digest is asked for again."""

    check: bool = False
    """Whether nothing may be asked of a registry."""

    platforms: tuple[Platform, ...] = ()
    """Those whose wheels decide what is compiled; empty for the project's own, or linux/amd64."""


def as_made(wish: Wish, pieces: Iterable[Piece]) -> Wish:
    """Return *wish* with the options that the file says it was made with, so that a check need not repeat them."""
    words = _made_by(pieces)
    pairs = tuple(itertools.pairwise(words))
    values = dict(pairs)
    named = values.get("--platform", "")
    return msgspec.structs.replace(
        wish,
        tool=wish.tool or values.get("--tool"),
        extras=wish.extras or tuple(value for name, value in pairs if name == "--extra"),
        groups=wish.groups or tuple(value for name, value in pairs if name == "--group"),
        platforms=wish.platforms or tuple(map(platform.parse, filter(None, named.split(",")))),
        tool_from=wish.tool_from or values.get("--tool-from"),
        slim=wish.slim or "--slim" in words,
        certificates=wish.certificates or "--certificates" in words,
        script=wish.script or "--entrypoint" in words,
    )


def made_for(pieces: Iterable[Piece]) -> str | None:
    """Return the member of a workspace that the file says it was made for."""
    return dict(itertools.pairwise(_made_by(pieces))).get("--package")


def _made_by(pieces: Iterable[Piece]) -> list[str]:
    """Return the words of the command that the file says it was made by."""
    made = next((piece.lines for piece in pieces if piece.name == "made"), ())
    command = next((line[1:].strip() for line in made if line[1:].strip().startswith("tare dockerfile")), "")
    try:
        return shlex.split(command)
    except ValueError:
        return []


def platforms_of(wish: Wish, config: ToolConfig) -> tuple[Platform, ...]:
    """Return the platforms that the image is for: this machine's says nothing, since the file is the same everywhere."""
    return wish.platforms or tuple(map(platform.parse, config.platforms)) or (platform.parse("linux/amd64"),)
