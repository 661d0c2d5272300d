"""`tare diff`: what is other in one image than in another, or than in what a project's plan makes of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.measure.difference import Difference

EXAMPLES = """\
examples:
  tare diff docker://shop:1.4 docker://shop:1.5
  tare diff docker-daemon:shop:latest oci:dist --semantic
  tare diff docker://shop:1.5 ./shop           would a build of the project change anything?
  tare diff .venv ./other/.venv
"""


class DiffArguments(WorldArguments):
    """What `tare diff` is given."""

    before: str
    after: str | None
    plan: str | None
    base: str | None
    platform: str | None
    semantic: bool
    all: bool
    json: bool
    markdown: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    parser.add_argument(
        "before",
        metavar="A",
        help="docker://REF, oci:DIR[:TAG], docker-archive:FILE, docker-daemon:REF, or a directory such as ./DIR",
    )
    parser.add_argument("after", metavar="B", nargs="?", help="the same, or a project such as ./PROJECT")
    parser.add_argument("--plan", metavar="PROJECT", help="compare with what this project's plan would make now")
    parser.add_argument("--base", metavar="IMAGE", help="the base of the project's image")
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image of several; by default this machine's")
    parser.add_argument("--semantic", action="store_true", help="pass over times, and the order of layers and settings")
    parser.add_argument("--all", action="store_true", help="show every file, distribution and kind")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a document that machines read")
    form.add_argument("--markdown", action="store_true", help="print Markdown, for a pull request")
    add_world_options(parser)


def execute(arguments: Arguments) -> int:
    """Print the difference. 1 when there is one, as `diff` does."""
    from tare.flow.images.diff import differ
    from tare.oci import platform as platforms

    arguments = cast("DiffArguments", arguments)
    after = arguments.plan or arguments.after
    if after is None or (arguments.plan and arguments.after):
        raise UsageError(
            "`tare diff` compares two things",
            causes=("expected A and B, or A and `--plan PROJECT`",),
            hints=("`tare diff --help` has examples",),
        )
    reporter = Terminal()
    world = make_world(arguments, reporter)
    try:
        with world.step("read layers"):
            difference = differ(
                world,
                arguments.before,
                after,
                platform=platforms.parse(arguments.platform) if arguments.platform else None,
                semantic=arguments.semantic,
                plan=arguments.plan is not None,
                base=arguments.base,
            )
    finally:
        reporter.close()
        world.close()
    sys.stdout.write(_answer(arguments, difference))
    return 0 if difference.equal else 1


def _answer(arguments: DiffArguments, difference: Difference) -> str:
    from tare.report.diff import diff_json, diff_markdown, diff_text

    if arguments.json:
        return diff_json(difference)
    if arguments.markdown:
        return diff_markdown(difference)
    return diff_text(difference, top=None) if arguments.all else diff_text(difference)
