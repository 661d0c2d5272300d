"""`tare diff`: what is other in one image than in another, or than in what a project's plan makes of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.project_options import (
    ProjectArguments,
    add_planned_options,
    read_project,
    requests_for,
    wanted_platforms,
)
from tare.cli.settings import add_world_options
from tare.cli.settings import world as make_world
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.flow.request import Request
    from tare.flow.world import World
    from tare.measure.difference import Difference
    from tare.oci.platform import Platform
    from tare.projects.project import Project

EXAMPLES = """\
examples:
  tare diff docker://shop:1.4 docker://shop:1.5
  tare diff docker-daemon:shop:latest oci:dist --semantic
  tare diff docker://shop:1.5 ./shop           would a build of the project change anything?
  tare diff .venv ./other/.venv
"""


class DiffArguments(ProjectArguments):
    """What `tare diff` is given."""

    before: str
    after: str | None
    plan: str | None
    one_platform: str | None
    semantic: bool
    all: bool
    markdown: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    parser.set_defaults(platform=[])
    parser.add_argument(
        "before",
        metavar="A",
        help="docker://REF, oci:DIR[:TAG], docker-archive:FILE, docker-daemon:REF, or a directory such as ./DIR",
    )
    parser.add_argument("after", metavar="B", nargs="?", help="the same, or a project such as ./PROJECT")
    parser.add_argument("--plan", metavar="PROJECT", help="compare with what this project's plan would make now")
    parser.add_argument(
        "--platform",
        dest="one_platform",
        metavar="OS/ARCH",
        help="which image of several; by default this machine's",
    )
    parser.add_argument("--semantic", action="store_true", help="pass over times, and the order of layers and settings")
    parser.add_argument("--all", action="store_true", help="show every file, distribution and kind")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a document that machines read")
    form.add_argument("--markdown", action="store_true", help="print Markdown, for a pull request")
    add_planned_options(parser)
    add_world_options(parser)


def execute(arguments: Arguments) -> int:
    """Print the difference. 1 when there is one, as `diff` does."""
    from tare.flow.images.diff import differ, is_project
    from tare.oci import platform as platforms

    arguments = cast("DiffArguments", arguments)
    after = arguments.plan or arguments.after
    if after is None or (arguments.plan and arguments.after):
        raise UsageError(
            "`tare diff` compares two things",
            causes=("expected A and B, or A and `--plan PROJECT`",),
            hints=("`tare diff --help` has examples",),
        )
    planned = arguments.plan is not None or is_project(after)
    if not planned and arguments.base is not None:
        raise UsageError("`--base` is for the image of a project", causes=(f"`{after}` is none",))
    arguments.project = str(Path(after).expanduser())
    reporter = Terminal()
    world = make_world(arguments, reporter)
    try:
        with world.step("read layers"):
            difference = differ(
                world,
                arguments.before,
                after,
                platform=platforms.parse(arguments.one_platform) if arguments.one_platform else None,
                semantic=arguments.semantic,
                asked=_asked(arguments, world) if planned else None,
            )
    finally:
        reporter.close()
        world.close()
    sys.stdout.write(_answer(arguments, difference))
    return 0 if difference.equal else 1


def _asked(arguments: DiffArguments, world: World) -> Callable[[Platform | None], tuple[Project, Request]]:
    """Return what tells the project, and the image of it that a build would make for a platform."""

    def asked(platform: Platform | None) -> tuple[Project, Request]:
        project = read_project(arguments, world)
        wanted = wanted_platforms(arguments, project) if platform is None else (platform,)
        return project, requests_for(arguments, project, world, wanted[:1])[0]

    return asked


def _answer(arguments: DiffArguments, difference: Difference) -> str:
    from tare.report.diff import diff_json, diff_markdown, diff_text

    if arguments.json:
        return diff_json(difference)
    if arguments.markdown:
        return diff_markdown(difference)
    return diff_text(difference, top=None) if arguments.all else diff_text(difference)
