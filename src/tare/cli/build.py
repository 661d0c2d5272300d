"""`tare build`: from a locked project to an image."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.project_options import ProjectArguments, add_project_options, read_project, requests
from tare.cli.proof_options import add_proof_options
from tare.cli.settings import world as make_world
from tare.errors import UsageError
from tare.flow.world import World
from tare.oci import reference as references
from tare.oci.image import Image, ImageIndex, make_index
from tare.oci.reference import Reference
from tare.projects.project import Project
from tare.report.build import build_json, build_text
from tare.stores.interface import ImageDestination
from tare.stores.names import ArchiveName, parse, parse_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tare.flow.build.build import Built
    from tare.flow.request import Request
    from tare.flow.slim.prove import Proof


_STDOUT = "docker-archive:-"


EXAMPLES = """\
examples:
  tare build -t app:1 -o docker-archive:app.tar
  tare build --base python:3.13-slim -t registry.example/app:1 --push
  tare build --platform linux/amd64,linux/arm64 -t registry.example/app:1 --push --cache registry.example/app-cache
"""


class BuildArguments(ProjectArguments):
    """What `tare build` is given."""

    output: list[str]
    tag: list[str]
    push: bool
    cache: str | None
    compression: Literal["gzip", "dense", "zstd"] | None
    prove: bool
    check: str | None
    mount: list[str]
    engine: str | None
    dry_run: bool
    files: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    add_project_options(parser)
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="IMAGE",
        help="oci:DIR[:TAG], docker-archive:FILE, docker-daemon:REF or docker://REF; may be repeated (default: oci:dist)",
    )  # fmt: skip
    parser.add_argument("-t", "--tag", action="append", default=[], metavar="REF", help="the image's name")
    parser.add_argument("--push", action="store_true", help="write to the registry that each --tag names")
    parser.add_argument("--cache", metavar="REF", help="share what was worked out through a repository of a registry")
    parser.add_argument(
        "--compression",
        choices=("gzip", "dense", "zstd"),
        help="how the new layers are compressed; dense is gzip, smaller and slower (default: gzip; dense with --slim=more)",
    )
    add_proof_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the plan, and build nothing")
    parser.add_argument("--files", action="store_true", help="with --dry-run: list every file with where it comes from")


def execute(arguments: Arguments) -> int:
    """Build, write to every output, and say what came of it."""
    arguments = cast("BuildArguments", arguments)
    if arguments.files and not arguments.dry_run:
        raise UsageError("`--files` is for `--dry-run`", hints=("Add `--dry-run`, or run `tare plan --files`",))
    if arguments.single_member and arguments.compression == "dense":
        raise UsageError(
            "`--compression dense` writes several gzip members, and `--single-member` asks for one",
            hints=("Leave one of them out",),
        )
    if arguments.dry_run:
        from tare.cli import plan

        return plan.execute(arguments)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    if arguments.cache is not None:
        from tare.flow.build.shared_cache import SharedCache

        world.cache = SharedCache(world.cache.root, world.registries, _repository(arguments.cache))
    tags = tuple(references.parse(text) for text in arguments.tag)
    if arguments.push and not tags:
        raise UsageError(
            "`--push` needs a name to push to", hints=("Name the image with `--tag REGISTRY/REPOSITORY:TAG`",)
        )
    try:
        with world.cache.in_use():
            return _build(arguments, world, reporter, tags)
    finally:
        world.close()
        reporter.close()


def _repository(text: str) -> Reference:
    """Return the repository of `--cache`, whose tags are ours to give."""
    found = references.parse(text)
    if found.tag or found.digest:
        plain = msgspec.structs.replace(found, tag=None, digest=None).familiar
        raise UsageError(f"`--cache {text}` names an image, not a repository", hints=(f"Write `--cache {plain}`",))
    return found


def _build(arguments: BuildArguments, world: World, reporter: Terminal, tags: tuple[Reference, ...]) -> int:
    from tare.flow.build.build import build

    started = world.now()
    outputs = [*arguments.output, *(f"docker://{tag}" for tag in tags if arguments.push)] or ["oci:dist"]
    destinations = _destinations(arguments, world, outputs, tags)
    project = _without(read_project(arguments, world), outputs)
    asked = requests(arguments, project, world)
    built, proofs = _proved(arguments, world, project, asked) if _proves(arguments) else ([], [])
    built = built or [build(world, project, request) for request in asked]
    for each in built:
        for note in each.notes:
            reporter.note(note)
        for warning in each.warnings:
            reporter.warn(warning)
    built = [_compressed(world, each, arguments) for each in built]
    images = tuple(each.image for each in built)
    whole: Image | ImageIndex = images[0] if len(images) == 1 else make_index(images, {})
    with world.step("write the image"):
        for destination in destinations:
            destination.write(whole)
    with world.step("share the cache"):
        world.cache.share()
    reporter.close()
    reference = str(tags[0].familiar) if tags else outputs[0]
    if arguments.json:
        sys.stdout.write(build_json(whole, built, proofs, reference=reference, seconds=world.seconds))
        return int(any(proof.unsound for proof in proofs))
    sys.stderr.write(build_text(built, proofs, seconds=world.now() - started, now=world.now()))
    for output in outputs:
        if output != _STDOUT:
            sys.stdout.write(f"{output} {whole.digest}\n")
    return int(any(proof.unsound for proof in proofs))


def _proves(arguments: BuildArguments) -> bool:
    """Whether a slim image has to be tried."""
    asked = arguments.prove or arguments.check is not None
    if asked and arguments.slim is None:
        raise UsageError("`--prove` and `--check` are about what `--slim` leaves out", hints=("Add `--slim`",))
    if arguments.mount and arguments.check is None:
        raise UsageError("`--mount` is for the command of `--check`", hints=("Add `--check COMMAND`",))
    return asked


def _proved(
    arguments: BuildArguments, world: World, project: Project, asked: Sequence[Request]
) -> tuple[list[Built], list[Proof]]:
    from tare.cli.slim_proof import built_and_proved

    found = [built_and_proved(arguments, world, project, request) for request in asked]
    return [built for built, _ in found], [proof for _, proof in found]


def _without(project: Project, outputs: list[str]) -> Project:
    """Return *project* without the archives that are written into it, each of which would have the one before in it."""
    names = (parse(output) for output in outputs)
    files = [os.path.abspath(name.file) for name in names if isinstance(name, ArchiveName)]
    inside = [os.path.relpath(file, project.root) for file in files if file.startswith(os.path.join(project.root, ""))]
    if not inside:
        return project
    patterns = (re.sub(r"([*?[\\])", r"\\\1", path.replace(os.sep, "/")) for path in inside)
    config = msgspec.structs.replace(project.config, exclude=(*project.config.exclude, *patterns))
    return msgspec.structs.replace(project, config=config)


def _compressed(world: World, built: Built, arguments: BuildArguments) -> Built:
    if arguments.compression == "gzip" or (arguments.compression is None and built.slim != "more"):
        return built
    from tare.flow.images.recompress import compression_of, recompressed_built

    compression = arguments.compression or compression_of(built, single_member=arguments.single_member)
    return built if compression == "gzip" else recompressed_built(world, built, compression)


def _destinations(
    arguments: BuildArguments, world: World, outputs: list[str], tags: tuple[Reference, ...]
) -> list[ImageDestination]:
    """Return where the image goes. A name that nothing can be written to is an error before anything is built."""
    from tare.stores.open import open_destination

    if outputs.count(_STDOUT) > 1 or (arguments.json and _STDOUT in outputs):
        what = "the document of `--json`" if arguments.json else "another archive"
        raise UsageError(
            f"`--output {_STDOUT}` and {what} cannot both be written to standard output",
            hints=("Write the archive to a file",),
        )
    surroundings = msgspec.structs.replace(world.surroundings, stdout=sys.stdout.buffer)
    return [open_destination(parse_output(output), tags, surroundings, mtime=world.epoch) for output in outputs]
