"""`tare slim`: any image without what no container needs."""

from __future__ import annotations

import sys
from typing import Literal, cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.images import image_of
from tare.cli.progress import Terminal
from tare.cli.project_options import spared
from tare.cli.proof_options import add_proof_options
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.oci import reference as references
from tare.stores.names import parse_output

_EXAMPLES = """\
examples:
  tare slim docker-daemon:app:latest                      what would go
  tare slim docker-daemon:app:latest -o oci:slim          write the slim image
  tare slim oci:dist -o docker://registry.example/app:1 --level more --prove
"""


class SlimArguments(WorldArguments):
    """What `tare slim` is given."""

    image: str
    output: list[str]
    tag: list[str]
    platform: str | None
    level: Literal["safe", "more"]
    keep: list[str]
    prove: bool
    check: str | None
    mount: list[str]
    engine: str | None
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    places = "docker://REF, oci:DIR[:TAG], docker-archive:FILE or docker-daemon:REF"
    parser.add_argument("image", metavar="IMAGE", help=places)
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="IMAGE",
        help="where the slim image goes; may be repeated",
    )
    parser.add_argument("-t", "--tag", action="append", default=[], metavar="REF", help="the image's name there")
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image of an index (default: this machine's)")
    parser.add_argument("--level", choices=("safe", "more"), default="safe", help="what goes: docs/slim.md")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="RULE|PATH", help="what must not go; may be repeated"
    )
    add_proof_options(parser)
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")
    parser.examples(_EXAMPLES)


def execute(arguments: Arguments) -> int:
    """Slim, prove, write, and say what went."""
    from tare.flow.slim.image import slim_image
    from tare.report.slim import slim_document, slim_text
    from tare.stores.open import open_destination

    arguments = cast("SlimArguments", arguments)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    names = tuple(references.parse(text) for text in arguments.tag)
    proof = None
    try:
        with world.cache.in_use():
            destinations = [
                open_destination(parse_output(text), names, world.surroundings, mtime=world.epoch)
                for text in arguments.output
            ]
            image = image_of(world, arguments.image, arguments.platform)
            keep = frozenset(spared(arguments.keep))
            if arguments.prove or arguments.check is not None:
                from tare.cli.slim_proof import proved

                slim, proof = proved(arguments, world, image, keep)
            else:
                slim = slim_image(world, image, arguments.level, keep)
            for destination in destinations:
                destination.write(slim.image)
    finally:
        world.close()
        reporter.close()
    if arguments.json:
        sys.stdout.write(slim_document(image, slim, proof, reference=arguments.image, level=arguments.level))
    else:
        sys.stdout.write(slim_text(image, slim, proof))
        sys.stdout.writelines(f"{output} {slim.image.digest}\n" for output in arguments.output)
    return 1 if proof is not None and proof.unsound else 0
