"""`tare dockerfile`: a Dockerfile for those who have to keep one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.errors import UsageError

if TYPE_CHECKING:
    from tare.flow.dockerfiles.context import Context
    from tare.flow.dockerfiles.document import Document
    from tare.flow.dockerfiles.wish import Wish
    from tare.flow.dockerfiles.write import Written


class DockerfileArguments(WorldArguments):
    """What `tare dockerfile` is given."""

    project: str
    lock: str | None
    package: str | None
    tool: str | None
    tool_from: str | None
    slim: bool
    extra: list[str]
    group: list[str]
    base: str | None
    platform: list[str]
    output: str
    certificates: bool
    entrypoint: bool
    check: bool
    dry_run: bool
    stdout: bool
    context: bool
    pull: bool
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "project", nargs="?", default=".", metavar="PROJECT", help="a directory, a lockfile or a pyproject.toml"
    )
    parser.add_argument("--lock", metavar="FILE", help="the lockfile, where a project has several")
    parser.add_argument("--package", metavar="NAME", help="the member that is meant, of a workspace of uv")
    image = parser.add_argument_group("the image")
    image.add_argument("--base", metavar="IMAGE", help="what every stage starts from, such as python:3.13-slim-trixie")
    image.add_argument("--tool", metavar="NAME", help="uv, poetry, pdm, pipenv or pip, where the lock leaves a choice")
    image.add_argument(
        "--tool-from",
        metavar="IMAGE",
        help="an image that has uv, which is the tool or installs it; or `index`: pip does (default: uv's own image)",
    )
    image.add_argument(
        "--slim", action="store_true", help="remove what no container needs of the distributions: tests, C sources"
    )
    image.add_argument("--extra", action="append", default=[], metavar="NAME", help="install an optional feature")
    image.add_argument("--group", action="append", default=[], metavar="NAME", help="install a dependency group")
    image.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="OS/ARCH[,OS/ARCH...]",
        help="those whose wheels decide what is compiled (default: those of [tool.tare], or linux/amd64)",
    )
    image.add_argument(
        "--certificates", action="store_true", help="let a build be given the certificates of a company's proxy"
    )
    image.add_argument("--entrypoint", action="store_true", help="write an entrypoint.sh that runs before the program")
    image.add_argument("--pull", action="store_true", help="ask again what the images' tags stand for")
    files = parser.add_argument_group("the files")
    files.add_argument("-o", "--output", default="Dockerfile", metavar="NAME", help="another name than Dockerfile")
    files.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file no longer fits the project"
    )
    files.add_argument("--dry-run", action="store_true", help="write nothing, and show what would change")
    files.add_argument("--stdout", action="store_true", help="write nothing, and print the Dockerfile")
    files.add_argument("--context", action="store_true", help="write nothing, and show what a build is sent")
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")
    parser.epilog = (
        "examples: `tare dockerfile`; `tare dockerfile --check` in CI; `tare dockerfile --stdout --tool uv | docker build "
        "-f - .`"
    )


def execute(arguments: Arguments) -> int:
    """Write the files, or show what they would be. 1 with --check when one of them does not fit."""
    from tare.flow.dockerfiles.member import with_package
    from tare.flow.dockerfiles.write import make_dockerfile
    from tare.projects.project import read
    from tare.projects.workspace import member_directory

    arguments = cast("DockerfileArguments", arguments)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    try:
        with world.cache.in_use():
            wish = with_package(_wish(arguments), arguments.project)
            where = member_directory(arguments.project, wish.package) if wish.package else arguments.project
            project = read(where, lock=arguments.lock, memo_directory=world.memo_directory)
            written = make_dockerfile(world, project, wish)
    finally:
        world.close()
        reporter.close()
    for note in written.notes:
        sys.stderr.write(f"note: {note}\n")
    writes = not (arguments.check or arguments.dry_run or arguments.stdout or arguments.context)
    if writes:
        for document in written.documents:
            _write(written.root, document)
    sys.stdout.write(_answer(arguments, written, dry=not writes))
    return 1 if arguments.check and any(document.changed for document in written.documents) else 0


def _wish(arguments: DockerfileArguments) -> Wish:
    from tare.flow.dockerfiles.wish import Wish
    from tare.oci.platform import parse

    output = os.path.normpath(arguments.output)
    if os.path.isabs(output) or output.startswith("..") or output == ".":
        raise UsageError(
            f"`--output {arguments.output}` leads out of the project", causes=("it is a path in the project",)
        )
    return Wish(
        package=arguments.package,
        tool=arguments.tool,
        tool_from=arguments.tool_from,
        slim=arguments.slim,
        extras=tuple(dict.fromkeys(arguments.extra)),
        groups=tuple(dict.fromkeys(arguments.group)),
        base=arguments.base,
        certificates=arguments.certificates,
        script=arguments.entrypoint,
        output=output,
        pull=arguments.pull,
        check=arguments.check or arguments.context,
        platforms=tuple(dict.fromkeys(parse(text) for words in arguments.platform for text in words.split(","))),
    )


def _answer(arguments: DockerfileArguments, written: Written, *, dry: bool) -> str:
    from tare.report import dockerfile as report

    context = before = None
    if arguments.context:
        context, before = _contexts(written)
    if arguments.json:
        return report.dockerfile_json(written, context, before)
    if context is not None:
        return report.context_text(context, before=before)
    if arguments.stdout:
        return written.documents[0].new
    difference = report.difference(written.documents) if arguments.check or arguments.dry_run else ""
    if arguments.check:
        return difference
    return difference + ("\n" if difference else "") + report.dockerfile_text(written, dry=dry)


def _contexts(written: Written) -> tuple[Context, Context]:
    """Return the context with the `.dockerignore` that is generated, and with the one that is there."""
    from tare.flow.dockerfiles.context import measure_context
    from tare.projects.dockerignore import Patterns, parse

    ignore = written.documents[1]
    new = Patterns(parse(ignore.new, ignore.path))
    old = Patterns(parse(ignore.old, ignore.path)) if ignore.old is not None else None
    return measure_context(written.root, new), measure_context(written.root, old)


def _write(root: str, document: Document) -> None:
    if not document.changed:
        return
    path = os.path.join(root, document.path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(document.new)
    os.chmod(path, document.mode)
