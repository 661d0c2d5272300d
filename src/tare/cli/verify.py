"""`tare verify`: the strictest check of an image there is."""

from __future__ import annotations

import sys
from typing import cast

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world

EXAMPLES = """\
examples:
  tare verify registry.example/app:1        what lies in a registry, as it lies there
  tare verify oci:dist                      a whole layout: also blobs that nothing names
  tare verify docker-archive:app.tar --json
"""


class VerifyArguments(WorldArguments):
    """What `tare verify` is given."""

    image: str
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    parser.add_argument(
        "image", metavar="IMAGE", help="docker://REF, oci:DIR[:TAG], docker-archive:FILE or docker-daemon:REF"
    )
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def execute(arguments: Arguments) -> int:
    """Print the verdict. 1 when the image is not sound, or there can be none of that name."""
    from tare.flow.images.verify import verify
    from tare.report.verify import verify_json, verify_text

    arguments = cast("VerifyArguments", arguments)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    try:
        with world.step("verify"):
            verdict = verify(world, arguments.image)
    finally:
        world.close()
        reporter.close()
    write = verify_json if arguments.json else verify_text
    sys.stdout.write(write(verdict, name=arguments.image))
    return 0 if verdict.valid else 1
