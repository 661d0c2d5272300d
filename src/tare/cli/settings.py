"""What a command takes from the environment and the machine, read once."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from argparse import _ArgumentGroup
from pathlib import Path

from tare.cli.arguments import Arguments, Parser
from tare.cli.engines import engines
from tare.errors import UsageError
from tare.flow.world import Reporter, World
from tare.stores.cache import Cache


class WorldArguments(Arguments):
    """The options of every command that fetches or builds."""

    cache_dir: str | None
    offline: bool
    find_links: list[str]
    threads: int | None
    insecure_registry: list[str]
    mirror: list[str]


def add_world_options(parser: Parser) -> None:
    """Add the options that say where things come from and are kept."""
    group = parser.add_argument_group("where things come from and are kept")
    group.add_argument("--offline", action="store_true", help="use only what is on this machine")
    group.add_argument(
        "--find-links", action="append", default=[], metavar="PLACE", help="a directory or page of wheels, as in uv"
    )
    group.add_argument("--cache-dir", metavar="DIR", help="where tare keeps what it fetched and built (TARE_CACHE_DIR)")
    add_registry_options(group)
    group.add_argument("--threads", type=count, metavar="N", help="how many layers are written at once")


def add_registry_options(group: _ArgumentGroup) -> None:
    """Add the options that say how registries are reached."""
    group.add_argument(
        "--insecure-registry",
        action="append",
        default=[],
        metavar="HOST[:PORT]",
        help="a registry without a trusted certificate, or without encryption",
    )
    group.add_argument(
        "--mirror",
        action="append",
        default=[],
        metavar="[REGISTRY=]HOST",
        help="where to read a registry's images first; Docker Hub's unless one is named (TARE_MIRROR)",
    )


def check_registries(insecure: list[str], mirrors: list[str]) -> None:
    """Refuse what names no registry, also where none is asked."""
    if insecure or mirrors:
        from tare.flow.registries import check

        check(insecure, mirrors)


def count(text: str) -> int:
    """Read a number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"`{text}` is not a number from 1 on")
    return int(text)


def world(arguments: WorldArguments, reporter: Reporter) -> World:
    """Return the outside world of a command."""
    check_registries(arguments.insecure_registry, arguments.mirror)
    cache = cache_path(arguments.cache_dir)
    return World(
        environment=dict(os.environ),
        python=sys.executable,
        cache=Cache(_tagged(cache)),
        now=time.time,
        reporter=reporter,
        offline=arguments.offline or os.environ.get("UV_OFFLINE", "") in {"1", "true"},
        find_links=tuple(map(_place, _find_links(arguments))),
        threads=arguments.threads or os.cpu_count() or 1,
        insecure=tuple(arguments.insecure_registry),
        mirrors=tuple(arguments.mirror),
        engines=lambda: engines(cache),
        stdin=sys.stdin.buffer if sys.stdin else None,
    )


def _find_links(arguments: WorldArguments) -> list[str]:
    """Return the places of wheels, as uv takes them: the options, or else the variable."""
    return arguments.find_links or os.environ.get("UV_FIND_LINKS", "").replace(",", " ").split()


def _place(text: str) -> str:
    """Return the address of a page, or the absolute path of a directory, which has to be there: uv passes over it."""
    if "://" in text:
        return text
    path = os.path.abspath(os.path.expanduser(text))
    if not os.path.exists(path):
        raise UsageError(
            f"there is no `{text}` to find wheels in",
            causes=(f"`--find-links` or `UV_FIND_LINKS` names it, and it would be `{path}`",),
        )
    return path


def _tagged(directory: Path) -> Path:
    """Say in *directory* that it is a cache, so that no backup takes it, and no image of a project that it lies in.

    https://bford.info/cachedir/
    """
    tag = os.path.join(directory, "CACHEDIR.TAG")
    if not os.path.exists(tag):
        with contextlib.suppress(OSError):  # A cache that cannot be written to is an error later, where that matters.
            os.makedirs(directory, exist_ok=True)
            with open(tag, "w", encoding="ascii") as file:
                file.write("Signature: 8a477f597d28d172789f06886806bc55\n# The cache of tare.\n")
    return directory


def cache_path(named: str | None) -> Path:
    """Return the cache's directory, absolute: programs that are run on the way have other working directories."""
    return Path(os.path.abspath(named or cache_directory()))


def cache_directory() -> str:
    """Return where the platform keeps caches.

    XDG's rule, Apple's and Windows' are a line each; the library that has them costs 16 ms of every start.
    """
    named = os.environ.get("TARE_CACHE_DIR")
    if named:
        return named
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Caches/tare")
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "tare", "cache")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "tare")


def repeated() -> str:
    """Return the command as it was typed, to be kept with what it measured: without passwords, since others read that."""
    import re
    import shlex

    password = re.compile(r"(://[^/:@\s]*):[^/\s]*@(?!sha256:)")
    return shlex.join(["tare", *(password.sub(r"\1:***@", word) for word in sys.argv[1:])])
