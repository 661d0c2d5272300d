"""`tare run`: see an image work, with whatever engine there is, or with none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.engines import engines
from tare.cli.images import image_of
from tare.cli.settings import add_registry_options, cache_path, check_registries
from tare.engines.interface import Mount, RunOptions
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.flow.world import World


class RunArguments(Arguments):
    """What `tare run` is given."""

    image: str
    args: list[str]
    engine: str | None
    platform: str | None
    entrypoint: str | None
    env: list[str]
    user: str | None
    workdir: str | None
    read_only: bool
    tmpfs: list[str]
    volume: list[str]
    network: str
    publish: list[str]
    cap_drop: str | None
    timeout: float | None
    interactive: bool
    tty: bool
    quiet: bool
    cache_dir: str | None
    insecure_registry: list[str]
    mirror: list[str]


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "image", metavar="IMAGE", help="docker://REF, oci:DIR[:TAG], docker-archive:FILE or docker-daemon:REF"
    )
    parser.add_argument("args", nargs="...", metavar="ARG", help="arguments of the container, in the place of its own")
    parser.add_argument("--engine", metavar="NAME", help="docker, podman or chroot (default: the first that works)")
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image of an index (default: this machine's)")
    parser.add_argument(
        "--entrypoint", metavar="PROGRAM", help="what to run in the place of the image's entrypoint; empty for none"
    )
    parser.add_argument("-e", "--env", action="append", default=[], metavar="NAME=VALUE", help="set a variable")
    parser.add_argument("-u", "--user", metavar="USER", help="run as USER[:GROUP]")
    parser.add_argument("-w", "--workdir", metavar="DIR", help="the working directory")
    parser.add_argument("--read-only", action="store_true", help="let nothing be written but the --tmpfs directories")
    parser.add_argument("--tmpfs", action="append", default=[], metavar="DIR", help="an empty directory in memory")
    parser.add_argument("-v", "--volume", action="append", default=[], metavar="SRC:DST[:ro]", help="show a directory")
    parser.add_argument("--network", choices=("host", "none"), default="host", help="whether there is a network")
    parser.add_argument("-p", "--publish", action="append", default=[], metavar="PORTS", help="as Docker's --publish")
    parser.add_argument("--cap-drop", choices=("ALL", "all"), help="take every capability away")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="end the container after that time")
    parser.add_argument("-i", "--interactive", action="store_true", help="hand on standard input")
    parser.add_argument("-t", "--tty", action="store_true", help="give the container a terminal")
    parser.add_argument("-q", "--quiet", action="store_true", help="do not say which engine is used")
    group = parser.add_argument_group("where images come from and are kept")
    group.add_argument("--cache-dir", metavar="DIR", help="where tare keeps unpacked images (TARE_CACHE_DIR)")
    add_registry_options(group)


def execute(arguments: Arguments) -> int:
    """Run the image and return its exit code."""
    from tare.engines.choose import run_with_first

    arguments = cast("RunArguments", arguments)
    check_registries(arguments.insecure_registry, arguments.mirror)
    cache = cache_path(arguments.cache_dir)
    world = _world(arguments, cache)
    try:
        image, options = image_of(world, arguments.image, arguments.platform), _options(arguments)
        say = _silent if arguments.quiet else _say
        return run_with_first(engines(cache), arguments.engine, image, options, say=say)
    finally:
        world.close()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()  # before the container writes


def _silent(_: str) -> None:
    pass


def _world(arguments: RunArguments, cache: Path) -> World:
    import time

    from tare.flow.world import Reporter, World
    from tare.stores.cache import Cache

    Cache(cache).prepare()
    return World(
        environment=dict(os.environ),
        python=sys.executable,
        cache=Cache(cache),
        now=time.time,
        reporter=Reporter(),
        offline=os.environ.get("UV_OFFLINE", "") in {"1", "true"},
        insecure=tuple(arguments.insecure_registry),
        mirrors=tuple(arguments.mirror),
    )


def _options(arguments: RunArguments) -> RunOptions:
    return RunOptions(
        args=tuple(arguments.args) or None,
        entrypoint=None if arguments.entrypoint is None else tuple(filter(None, (arguments.entrypoint,))),
        env=dict(_variable(text) for text in arguments.env),
        user=arguments.user,
        workdir=arguments.workdir,
        read_only=arguments.read_only,
        tmpfs=tuple(arguments.tmpfs),
        mounts=tuple(_mount(text) for text in arguments.volume),
        network=arguments.network != "none",
        publish=tuple(arguments.publish),
        drop_capabilities=arguments.cap_drop is not None,
        timeout=arguments.timeout,
        stdin=arguments.interactive,
        tty=arguments.tty,
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name:
        raise UsageError(f"`--env {text}` has no name", hints=("Write it as `--env NAME=VALUE`",))
    return name, value if equals else os.environ.get(name, "")


def _mount(text: str) -> Mount:
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not target.startswith("/") or mode not in {"", "ro", "rw"}:
        raise UsageError(f"`--volume {text}` is not understood", hints=("Write it as `--volume DIR:/DIR:ro`",))
    if not Path(source).exists():
        raise UsageError(
            f"`--volume {text}` cannot be shown to the container",
            causes=(f"there is no `{Path(source).absolute()}`",),
            hints=("Create it, or name another one",),
        )
    return Mount(source=Path(source).absolute(), target=target, read_only=mode == "ro")
