"""`tare outdated`: whether an image should be built again."""

from __future__ import annotations

import sys
from typing import cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.stores.names import parse

EXAMPLES = """\
examples:
  tare outdated registry.example/app:1                         exit 1 when it should be built again
  tare outdated docker-archive:app.tar --base python:3.13-slim
"""


class OutdatedArguments(WorldArguments):
    """What `tare outdated` is given."""

    image: str
    platform: str | None
    base: str | None
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    parser.add_argument(
        "image", metavar="IMAGE", help="docker://REF, oci:DIR[:TAG], docker-archive:FILE or docker-daemon:REF"
    )
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image of an index")
    parser.add_argument("--base", metavar="IMAGE", help="what it was built on, where the image does not say")
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def execute(arguments: Arguments) -> int:
    """Print what is newer. 1 if something is; the code of the failure if something could not be asked."""
    from tare.flow.images.outdated import check
    from tare.oci.platform import parse as parse_platform
    from tare.report.outdated import outdated_json, outdated_text

    arguments = cast("OutdatedArguments", arguments)
    name = parse(arguments.image)
    platform = parse_platform(arguments.platform) if arguments.platform else None
    reporter = Terminal()
    world = make_world(arguments, reporter)
    try:
        with world.cache.in_use():
            checked = check(world, name, platform, base=arguments.base)
    finally:
        world.close()
        reporter.close()
    sys.stdout.write((outdated_json if arguments.json else outdated_text)(checked))
    return checked.exit_code
