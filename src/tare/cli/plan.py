"""`tare plan`: what would be built, and why."""

from __future__ import annotations

import sys
from typing import cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.project_options import ProjectArguments, add_project_options, read_project, requests
from tare.cli.settings import world as make_world


class PlanArguments(ProjectArguments):
    """What `tare plan` is given."""

    files: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    add_project_options(parser)
    parser.add_argument("--files", action="store_true", help="list every file with where it comes from")


def execute(arguments: Arguments) -> int:
    """Print the plan. `tare build --dry-run` comes here too."""
    from tare.flow.build.plan import make_plan
    from tare.report.plan import plan_json, plan_text

    arguments = cast("PlanArguments", arguments)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    try:
        with world.cache.in_use():
            project = read_project(arguments, world)
            planned = [make_plan(world, project, request) for request in requests(arguments, project, world)]
    finally:
        world.close()
        reporter.close()
    if arguments.json:
        sys.stdout.write(plan_json(planned))
    else:
        sys.stdout.write("\n".join(plan_text(each, files=arguments.files) for each in planned))
    return 0
