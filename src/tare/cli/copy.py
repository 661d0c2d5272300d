"""`tare copy`: move an image from any place to any other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, cast

import msgspec

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.errors import UsageError
from tare.oci import platform as platforms
from tare.oci import reference as references
from tare.stores.names import ArchiveName, RegistryName, parse

EXAMPLES = """\
examples:
  tare copy python:3.13-slim registry.example/base/python:3.13-slim   all platforms, to another registry
  tare copy --platform linux/arm64 python:3.13-slim oci:base          one of them, into a layout
  tare copy oci:dist docker-archive:app.tar -t app:1                  for `docker load`
  tare copy app:1 app:1-zstd --compression zstd                       every layer compressed anew
"""


class CopyArguments(WorldArguments):
    """What `tare copy` is given."""

    source: str
    destination: str
    platform: str | None
    compression: Literal["gzip", "dense", "zstd"] | None
    tag: list[str]
    digest_file: str | None
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    places = "docker://REF, oci:DIR[:TAG], docker-archive:FILE or docker-daemon:REF"
    parser.add_argument("source", metavar="SRC", help=places)
    parser.add_argument("destination", metavar="DST", help="the same")
    parser.add_argument("--platform", metavar="OS/ARCH", help="copy one image of an index (default: all of it)")
    parser.add_argument(
        "--compression", choices=("gzip", "dense", "zstd"), help="compress every layer anew in this way"
    )
    parser.add_argument("-t", "--tag", action="append", default=[], metavar="REF", help="the image's name in DST")
    parser.add_argument("--digest-file", metavar="FILE", help="write the digest of what was copied to FILE")
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def execute(arguments: Arguments) -> int:
    """Copy, and print the destination with the digest."""
    from tare.flow.images.copy import copy

    arguments = cast("CopyArguments", arguments)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    source, destination = parse(arguments.source), parse(arguments.destination)
    if arguments.tag and isinstance(destination, RegistryName):
        raise UsageError(
            "`--tag` is for archives and engines; in a registry the destination is the name",
            hints=(f"Write it as the destination: `docker://{arguments.tag[0]}`",),
        )
    piped = isinstance(destination, ArchiveName) and destination.file == "-"
    if piped and arguments.json:
        raise UsageError(
            f"`{destination}` and the document of `--json` cannot both be written to standard output",
            hints=("Write the archive to a file",),
        )
    try:
        with world.cache.in_use():
            image = copy(
                world,
                source,
                destination,
                platform=platforms.parse(arguments.platform) if arguments.platform else None,
                compression=arguments.compression,
                references=tuple(references.parse(text) for text in arguments.tag),
                stdout=sys.stdout.buffer,
            )
    finally:
        world.close()
        reporter.close()
    if arguments.digest_file is not None:
        Path(arguments.digest_file).write_text(f"{image.digest}\n", encoding="ascii")
    if arguments.json:
        document = {
            "schema": "tare.copy/1",
            "source": arguments.source,
            "destination": arguments.destination,
            "digest": image.digest,
        }
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
    else:
        answer = sys.stderr if piped else sys.stdout
        answer.write(f"{arguments.destination} {image.digest}\n")
    return 0
