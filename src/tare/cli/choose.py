"""`tare choose`: which base to take, before anything is built."""

from __future__ import annotations

import shutil
import sys
from typing import Literal, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.project_options import ProjectArguments, add_project_options, read_project, request, wanted_platforms
from tare.cli.settings import world as make_world
from tare.errors import UsageError
from tare.flow.request import Request
from tare.flow.world import World
from tare.plan.choice.candidate import Candidate
from tare.plan.choice.choice import Choice
from tare.plan.choice.ranking import Prefer
from tare.projects.project import Project


class ChooseArguments(ProjectArguments):
    """What `tare choose` is given."""

    bases: list[str]
    all: bool
    prefer: Prefer
    explain: str | None
    accuracy: bool
    require: list[str]
    max_pull: str | None
    max_unpacked: str | None
    format: Literal["text", "markdown"]


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    add_project_options(parser, several_bases=True)
    choice = parser.add_argument_group("the choice")
    choice.add_argument("--all", action="store_true", help="judge every base of the catalogue")
    choice.add_argument(
        "--prefer", choices=("balanced", "size", "speed", "compatibility"), default="balanced",
        help="what counts most (default: balanced)",
    )  # fmt: skip
    choice.add_argument("--explain", metavar="IMAGE", help="tell the whole story of one base")
    choice.add_argument("--format", choices=("text", "markdown"), default="text", help="markdown is for a pull request")
    choice.add_argument(
        "--accuracy", action="store_true", help="show how long past builds took, and what was estimated"
    )
    gate = parser.add_argument_group("a gate, which exits 1")
    gate.add_argument(
        "--require", action="append", default=[], metavar="RULE",
        help="no-sdist, no-native, wheels, libraries, supported, suitable; may be repeated, or a list",
    )  # fmt: skip
    gate.add_argument("--max-pull", metavar="SIZE", help="such as 80MB")
    gate.add_argument("--max-unpacked", metavar="SIZE", help="such as 250MB")


def execute(arguments: Arguments) -> int:
    """Judge, and print the answer; 1 when a gate fails, or no base is suitable."""
    from tare.flow.choose.choose import choose
    from tare.plan.choice.gate import failures, limits

    arguments = cast("ChooseArguments", arguments)
    wanted = limits(arguments.require, max_pull=arguments.max_pull, max_unpacked=arguments.max_unpacked)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    if arguments.accuracy:
        return _accuracy(arguments, world)
    try:
        with world.cache.in_use():
            project = read_project(arguments, world)
            requests = _requests(arguments, world, project)
            named = frozenset((*arguments.bases, *filter(None, (arguments.explain,))))
            choice = choose(world, project, requests, prefer=arguments.prefer, named=named)
    finally:
        world.close()
        reporter.close()
    for note in choice.notes:
        reporter.note(note)
    judged = _judged(choice, arguments.explain)
    failed = failures(judged, wanted, now=world.now())
    sys.stdout.write(_answer(arguments, choice, judged, failed))
    if not arguments.json:
        for text in failed:
            sys.stderr.write(f"failed: {text}\n")
    return 1 if failed or choice.recommended is None else 0


def _accuracy(arguments: ChooseArguments, world: World) -> int:
    from tare.flow.build.estimate import records
    from tare.report.accuracy import accuracy_json, accuracy_text

    builds = records(world).builds
    sys.stdout.write(accuracy_json(builds) if arguments.json else accuracy_text(builds, now=world.now()))
    return 0


def _requests(arguments: ChooseArguments, world: World, project: Project) -> tuple[Request, ...]:
    from tare.flow.choose.candidates import candidates, spread

    platforms = wanted_platforms(arguments, project)
    template = request(arguments, project, "", platforms[0])
    if arguments.bases:
        found = tuple(request(arguments, project, base, platforms[0]) for base in dict.fromkeys(arguments.bases))
    else:
        found = candidates(world, project, template, everything=arguments.all)
    if arguments.explain is not None and arguments.explain not in {each.base for each in found}:
        found = (*found, request(arguments, project, arguments.explain, platforms[0]))
    return spread(found, platforms)


def _judged(choice: Choice, explained: str | None) -> list[Candidate]:
    """Return what a gate is about: the base to explain, or the one that is recommended, or all when none is."""
    base = explained or choice.recommended
    return [each for each in choice.candidates if base in {None, each.base}]


def _answer(arguments: ChooseArguments, choice: Choice, judged: list[Candidate], failed: tuple[str, ...]) -> str:
    from tare.report.choose import choose_markdown, choose_text
    from tare.report.choose_json import choose_json
    from tare.report.choose_story import explain_text

    if arguments.json:
        return choose_json(choice, failed)
    if arguments.explain is not None:
        if not judged:
            raise UsageError(f"`{arguments.explain}` is not among the bases that were judged")
        return "\n".join(explain_text(each) for each in judged)
    if arguments.format == "markdown":
        return choose_markdown(choice, failed)
    return choose_text(choice, width=max(shutil.get_terminal_size().columns, 100))
