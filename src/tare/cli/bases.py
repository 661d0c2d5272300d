"""`tare bases`: the bases that are known, with what they are and who says so."""

from __future__ import annotations

import platform as this_machine
import sys
from typing import cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.oci import platform as platforms


class BasesArguments(WorldArguments):
    """What `tare bases` is given."""

    names: list[str]
    python: str | None
    platform: str
    refresh: bool
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("names", nargs="*", metavar="IMAGE", help="explain these bases alone")
    parser.add_argument("--python", metavar="VERSION", help="only bases with this series, such as 3.13")
    parser.add_argument(
        "--platform", default=this_machine.machine(), metavar="OS/ARCH", help="linux/amd64, linux/arm64, …"
    )
    parser.add_argument(
        "--refresh", action="store_true", help="read the images that can be reached, which takes a while"
    )
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def execute(arguments: Arguments) -> int:
    """List, or explain."""
    from tare.flow.bases.known import listed, refreshed
    from tare.report.bases import base_text, bases_json, bases_text

    arguments = cast("BasesArguments", arguments)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    platform = platforms.parse(arguments.platform)
    series = ".".join(arguments.python.split(".")[:2]) if arguments.python else None
    try:
        with world.cache.in_use():
            found = listed(world, platform, series=series, names=arguments.names)
            if arguments.refresh:
                found = refreshed(world, found, platform, reporter.warn)
    finally:
        world.close()
        reporter.close()
    if arguments.json:
        sys.stdout.write(bases_json(found, str(platform)))
    elif arguments.names:
        sys.stdout.write("\n".join(base_text(each, now=world.now()) for each in found))
    else:
        sys.stdout.write(bases_text(found))
    return 0
