"""The options that `build` and `plan` share: which project, for which target, and how the image is to run."""

from __future__ import annotations

import platform as this_machine
import re
from argparse import _ArgumentGroup
from collections.abc import Sequence
from typing import Literal

import msgspec

from tare.cli.arguments import Parser
from tare.cli.settings import WorldArguments, add_world_options
from tare.errors import UsageError
from tare.flow.bases.default import default_base
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci import platform as platforms
from tare.oci.platform import Platform
from tare.projects import bytecode
from tare.projects.bytecode import Wish
from tare.projects.project import Project, read

_version = re.compile(r"[0-9]+\.[0-9]+(?:\.[0-9]+)?")

_BASE = "an image, deb:SUITE, oci:DIR[:TAG], docker-archive:FILE, docker-daemon:REF, or auto"


class ProjectArguments(WorldArguments):
    """What says which image is meant."""

    project: str
    lock: str | None
    package: str | None
    base: str | None
    platform: list[str]
    python: str | None
    extra: list[str]
    group: list[str]
    entrypoint: str | None
    allow_missing: list[str]
    single_member: bool
    debug: bool
    slim: Literal["safe", "more"] | None
    keep: list[str]
    bytecode: Wish | None
    pull: bool
    json: bool


def add_project_options(parser: Parser, *, several_bases: bool = False) -> None:
    """Add the project and everything that decides its image."""
    parser.add_argument(
        "project",
        nargs="?",
        default=".",
        metavar="PROJECT",
        help="a directory, a lockfile, a pyproject.toml or a script",
    )
    target = parser.add_argument_group("the image")
    if several_bases:
        target.add_argument(
            "--base", dest="bases", action="append", default=[], metavar="IMAGE",
            help="a base to judge; may be repeated (default: those of the catalogue that fit)",
        )  # fmt: skip
    else:
        target.add_argument("--base", metavar="IMAGE", help=_BASE)
    target.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="OS/ARCH",
        help="linux/amd64, linux/arm64, …; several, or a list",
    )
    _add_image_options(parser, target, several_bases=several_bases)
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def add_planned_options(parser: Parser) -> None:
    """Add what decides the image of a project that another image is held against."""
    target = parser.add_argument_group("the project's image")
    target.add_argument("--base", metavar="IMAGE", help=_BASE)
    _add_image_options(parser, target)


def _add_image_options(parser: Parser, target: _ArgumentGroup, *, several_bases: bool = False) -> None:
    target.add_argument(
        "--python", type=interpreter, metavar="VERSION",
        help="the interpreter: a series such as 3.13, or its path in the base",
    )  # fmt: skip
    target.add_argument("--lock", metavar="FILE", help="the lockfile, where a project has several")
    target.add_argument("--package", metavar="NAME", help="the member that is meant, of a workspace of uv")
    target.add_argument("--extra", action="append", default=[], metavar="NAME", help="install an optional feature")
    target.add_argument("--group", action="append", default=[], metavar="NAME", help="install a dependency group")
    target.add_argument("--entrypoint", metavar="COMMAND", help="what the container runs, split as a shell would")
    target.add_argument(
        "--allow-missing", action="append", default=[], metavar="LIB", help="a shared library that need not be there"
    )
    target.add_argument("--single-member", action="store_true", help="write layers that every old reader understands")
    target.add_argument("--debug", action="store_true", help="put a shell into an assembled base")
    if several_bases:
        parser.set_defaults(slim=None, keep=[], bytecode="none")  # Bases are compared with all that their wheels bring.
    else:
        _add_slim_options(parser, target)
        target.add_argument(
            "--bytecode", type=wish, metavar="WHICH",
            help="compile modules: none (the default), auto (what the start imports), all, or budget:20MB",
        )  # fmt: skip
    target.add_argument("--pull", action="store_true", help="ask again what a base's name stands for")


def _add_slim_options(parser: Parser, target: _ArgumentGroup) -> None:
    parser.optional_value("--slim", "safe")
    target.add_argument(
        "--slim", choices=("safe", "more"), metavar="LEVEL",
        help="leave out what no container needs: `safe` (the default of --slim alone), or `more` after a look",
    )  # fmt: skip
    target.add_argument(
        "--keep", action="append", default=[], metavar="RULE|PATH", help="what --slim must not take; may be repeated"
    )


def read_project(arguments: ProjectArguments, world: World) -> Project:
    """Return the project, with what the command line says instead of its configuration."""
    where = arguments.project
    if arguments.package is not None:
        from tare.projects.workspace import member_directory

        where = member_directory(where, arguments.package)
    project = read(where, lock=arguments.lock, memo_directory=world.memo_directory)
    if arguments.entrypoint is None:
        return project
    from tare.projects.settings import command

    words = command(arguments.entrypoint)
    if words is None:
        raise UsageError(f"`--entrypoint {arguments.entrypoint}` has a quotation that does not end")
    config = msgspec.structs.replace(project.config, entrypoint=words, cmd=None)
    return msgspec.structs.replace(project, config=config)


def requests(arguments: ProjectArguments, project: Project, world: World) -> tuple[Request, ...]:
    """Return one request for each platform."""
    return requests_for(arguments, project, world, wanted_platforms(arguments, project))


def requests_for(
    arguments: ProjectArguments, project: Project, world: World, wanted: Sequence[Platform]
) -> tuple[Request, ...]:
    """Return one request for each platform of *wanted*."""
    base = arguments.base or project.config.base or default_base(world, project, arguments.python)
    _refuse_idle(arguments, base)
    found = tuple(request(arguments, project, base, platform) for platform in wanted)
    if base != AUTO:
        return found
    from tare.flow.choose.automatic import decided

    return decided(world, project, found)


def _refuse_idle(arguments: ProjectArguments, base: str) -> None:
    """Refuse what would change nothing: whoever asks for it means something."""
    if arguments.debug and not base.startswith("deb:") and base != AUTO:
        raise UsageError(
            f"`--debug` needs an assembled base; the base is `{base}`",
            hints=("Use `--base deb:trixie`, or a base that has a shell",),
        )
    if arguments.keep and arguments.slim is None:
        raise UsageError("`--keep` is about what `--slim` leaves out", hints=("Add `--slim`",))


AUTO = "auto"
"""The base that `tare choose` would take."""


def wanted_platforms(arguments: ProjectArguments, project: Project) -> tuple[Platform, ...]:
    """Return the platforms that are asked for, or this machine's."""
    named = arguments.platform or project.config.platforms or (this_machine.machine(),)
    return tuple(dict.fromkeys(platforms.parse(text) for words in named for text in words.split(",")))


def request(arguments: ProjectArguments, project: Project, base: str, platform: Platform) -> Request:
    """Return the request for one base and one platform."""
    return Request(
        base=base,
        platform=platform,
        python=arguments.python,
        extras=tuple(arguments.extra),
        groups=tuple(arguments.group),
        system_packages=project.config.system_packages,
        allow_missing=tuple(sorted(arguments.allow_missing)),
        single_member=arguments.single_member,
        debug=arguments.debug,
        slim=arguments.slim,
        spared=spared(arguments.keep),
        bytecode=arguments.bytecode or project.config.bytecode or "none",
        pull=arguments.pull,
    )


def wish(text: str) -> Wish:
    """Read which modules get bytecode."""
    found = bytecode.read(text)
    if found is None:
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"`{text}` is not understood; write {bytecode.EXPECTED}")
    return found


def interpreter(text: str) -> str:
    """Read which interpreter of the base is meant."""
    if not text.startswith("/") and not _version.fullmatch(text):
        from argparse import ArgumentTypeError

        raise ArgumentTypeError(f"`{text}` is neither a series such as 3.13, nor an absolute path")
    return text


def spared(words: Sequence[str]) -> tuple[str, ...]:
    """Return the rules and the paths that `--keep` names, as rules compare them: paths from the image's root."""
    return tuple(sorted({_spared(word) for word in words}))


def _spared(word: str) -> str:
    from difflib import get_close_matches

    from tare.plan.slim import codes

    if re.match(r"TS[0-9]", word, re.IGNORECASE) and word not in codes():
        near = get_close_matches(word.upper(), codes(), n=1, cutoff=0.8)
        raise UsageError(
            f"`--keep {word}` names no rule",
            hints=(
                *(f"Did you mean `--keep {each}`?" for each in near),
                "`docs/slim.md` has the rules; repeat `--keep` for several",
            ),
        )
    return word.strip("/")
