"""`tare weigh`: where the bytes of an image are, and which of them could go."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.cli.sizes import size
from tare.errors import GateError, UsageError

if TYPE_CHECKING:
    from tare.measure.weighed import Weighed

EXAMPLES = """\
examples:
  tare weigh oci:dist                          what was just built
  tare weigh python:3.13-slim --platform arm64
  tare weigh docker-archive:saved.tar --markdown
  tare weigh .venv                             a virtual environment, or any directory
  tare weigh oci:dist --max-pull 80MB --max-waste 0
"""


class WeighArguments(WorldArguments):
    """What `tare weigh` is given."""

    image: str
    platform: str | None
    all: bool
    json: bool
    markdown: bool
    interactive: bool
    max_pull: int | None
    max_unpacked: int | None
    max_waste: int | None


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    parser.add_argument(
        "image",
        metavar="IMAGE",
        help="docker://REF, oci:DIR[:TAG], docker-archive:FILE, docker-daemon:REF, or a directory such as ./DIR",
    )
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image of several; by default this machine's")
    parser.add_argument(
        "--all", action="store_true", help="show all distributions and kinds, and more directories and files"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a document that machines read")
    form.add_argument("--markdown", action="store_true", help="print Markdown, for a pull request")
    form.add_argument("--interactive", action="store_true", help="explore the files in the terminal (needs `tui`)")
    gates = parser.add_argument_group("gates: exit with 1 when the image is larger")
    gates.add_argument("--max-pull", type=size, metavar="SIZE", help="compressed bytes of the layers, such as 80MB")
    gates.add_argument("--max-unpacked", type=size, metavar="SIZE", help="bytes of the files of all layers")
    gates.add_argument("--max-waste", type=size, metavar="SIZE", help="bytes that no container sees")
    add_world_options(parser)


def execute(arguments: Arguments) -> int:
    """Print the accounts. 1 when a gate fails."""
    from tare.flow.images.weigh import open_named, weigh
    from tare.oci import platform as platforms

    arguments = cast("WeighArguments", arguments)
    if arguments.interactive:
        from tare.cli.weigh_tui import check

        check(arguments.image)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    platform = platforms.parse(arguments.platform) if arguments.platform else None
    try:
        with world.step("read layers"):
            opened = open_named(world, arguments.image, platform)
        with world.step("weigh"):
            weighed = weigh(opened)
    finally:
        reporter.close()
        world.close()
    if arguments.interactive:
        from tare.cli.weigh_tui import explore

        explore(opened, weighed, name=arguments.image)
    else:
        sys.stdout.write(_answer(arguments, weighed))
    _hold(arguments, weighed)
    return 0


def _answer(arguments: WeighArguments, weighed: Weighed) -> str:
    if arguments.json:
        from tare.report.weigh_json import weigh_json

        return weigh_json(weighed, name=arguments.image)
    from tare.report.weigh import weigh_markdown, weigh_text

    if arguments.markdown:
        return weigh_markdown(weighed, name=arguments.image)
    if arguments.all:
        return weigh_text(weighed, name=arguments.image, top=None)
    return weigh_text(weighed, name=arguments.image)


def _hold(arguments: WeighArguments, weighed: Weighed) -> None:
    """Raise when the image is larger than a gate lets through."""
    sizes = weighed.sizes
    gates = (
        ("--max-pull", arguments.max_pull, sizes.pull, "to pull"),
        ("--max-unpacked", arguments.max_unpacked, sizes.unpacked, "unpacked"),
        ("--max-waste", arguments.max_waste, sizes.waste, "that no container sees"),
    )
    failed = []
    for option, limit, found, what in gates:
        if limit is None:
            continue
        if found is None:
            raise UsageError(
                f"`{option}` cannot be held against `{arguments.image}`",
                causes=("its layers lie here without compression, so that what is pulled is not known",),
                hints=("Weigh it where it was pushed to, or written by `tare copy` as `oci:DIR`",),
            )
        if found > limit:
            failed.append(f"it has {found:,} bytes {what}; `{option}` allows {limit:,}")
    if failed:
        raise GateError(f"`{arguments.image}` is too large", causes=tuple(failed))
