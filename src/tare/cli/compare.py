"""`tare compare`: one project on several bases, built in several ways, side by side."""

from __future__ import annotations

import os
import platform as this_machine
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options, count, repeated
from tare.cli.settings import world as make_world
from tare.errors import MachineError, UsageError

if TYPE_CHECKING:
    from tare.bench.comparison import Comparison
    from tare.engines.choose import Choice


class CompareArguments(WorldArguments):
    """What `tare compare` is given."""

    project: str
    base: list[str]
    builder: list[str]
    dockerfile: str | None
    engine: str | None
    platform: str | None
    rounds: int
    build_only: bool
    cold_only: bool
    html: str | None
    markdown: bool
    json: bool
    language: str


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("project", nargs="?", default=".", metavar="PROJECT", help="a directory with a lockfile")
    parser.add_argument(
        "--base", action="append", default=[], metavar="IMAGE", help="a base to build on; several (default: deb:trixie)"
    )
    parser.add_argument(
        "--builder", action="append", default=[], metavar="NAME",
        help="tare, docker, podman or buildah; several (default: tare, and the engine that containers run with)",
    )  # fmt: skip
    parser.add_argument(
        "--dockerfile",
        metavar="FILE",
        help="the Dockerfile that engines build (default: what `tare dockerfile` writes)",
    )
    parser.add_argument("--engine", metavar="NAME", help="docker, podman or chroot (default: the first that works)")
    parser.add_argument("--platform", metavar="OS/ARCH", help="which platform (default: this machine's)")
    parser.add_argument(
        "--rounds", type=count, default=5, metavar="N", help="how often a start is measured (default: 5)"
    )
    parser.add_argument("--build-only", action="store_true", help="build and weigh, and start nothing")
    parser.add_argument("--cold-only", action="store_true", help="build once, and change nothing")
    parser.add_argument("--html", metavar="FILE", help="write a page")
    parser.add_argument("--markdown", action="store_true", help="print Markdown, for a pull request")
    parser.add_argument("--language", default="en", metavar="LANG", help="en or ko (default: en)")
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def execute(arguments: Arguments) -> int:
    """Compare, and print what came of it. 1 when no image could be made."""
    arguments = cast("CompareArguments", arguments)
    if arguments.json and arguments.markdown:
        raise UsageError("`--json` and `--markdown` cannot both be printed", hints=("Give one of them",))
    if arguments.dockerfile is not None and not os.path.isfile(arguments.dockerfile):
        raise UsageError(
            f"there is no Dockerfile `{arguments.dockerfile}`",
            hints=("Leave it out, and the one that tare writes is built",),
        )
    from tare.report.page.words import words

    if arguments.html is not None:
        from tare.report.page.html import check

        check()
        if not os.path.isdir(directory := os.path.dirname(arguments.html) or "."):
            raise UsageError(f"there is no directory `{directory}`", hints=("Make it, or name another `--html`",))
    texts = words(arguments.language)
    reporter = Terminal()
    try:
        comparison = _compare(arguments, reporter)
    finally:
        reporter.close()
    from tare.report.compare import compare_json, compare_text, document

    if arguments.html is not None:
        from tare.report.page.html import to_html

        Path(arguments.html).write_text(to_html(document(comparison, texts)), encoding="utf-8")
    if arguments.json:
        sys.stdout.write(compare_json(comparison))
    elif arguments.markdown:
        from tare.report.page.markdown import to_markdown

        sys.stdout.write(to_markdown(document(comparison, texts)))
    else:
        sys.stdout.write(compare_text(comparison, texts))
    return 0 if any(each.status == "ok" for each in comparison.candidates) else 1


def _compare(arguments: CompareArguments, reporter: Terminal) -> Comparison:
    from tare.flow.compare.comparing import Wanted, compare

    world = make_world(arguments, reporter)
    choice = None if arguments.build_only else _engine(arguments, world.cache.root)
    with tempfile.TemporaryDirectory(prefix="tare-compare-") as scratch:
        return compare(
            world,
            Wanted(
                project=arguments.project,
                bases=tuple(dict.fromkeys(arguments.base)) or ("deb:trixie",),
                builders=tuple(dict.fromkeys(arguments.builder)),
                dockerfile=arguments.dockerfile,
                platform=arguments.platform or this_machine.machine(),
                rounds=arguments.rounds,
                changes=("cold",) if arguments.cold_only else ("cold", "dependency", "line"),
                machine=_machine(),
                command=repeated(),
            ),
            choice.engine if choice else None,
            Path(scratch),
        )


def _engine(arguments: CompareArguments, cache: Path) -> Choice:
    from tare.cli.engines import engines
    from tare.engines.choose import choose

    try:
        return choose(engines(cache), arguments.engine)
    except MachineError as error:
        hints = (*error.hints, "Or give `--build-only`, and nothing is started")
        raise MachineError(error.message, causes=error.causes, hints=hints) from error


def _machine() -> str:
    return f"{this_machine.system()} {this_machine.release()} {this_machine.machine()}, {os.cpu_count()} CPUs"
