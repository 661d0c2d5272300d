"""`tare tags`: what a repository's tags are, and what one of them is made of."""

from __future__ import annotations

import sys
from typing import cast

import msgspec

from tare.cli.arguments import Arguments, Parser
from tare.cli.progress import Terminal
from tare.cli.settings import WorldArguments, add_world_options
from tare.cli.settings import world as make_world
from tare.errors import NetworkError, UsageError
from tare.flow.world import World
from tare.oci.reference import Reference
from tare.stores.names import RegistryName, parse

EXAMPLES = """\
examples:
  tare tags python                          the whole repository, in one screen
  tare tags python --variant slim           one variant of every series
  tare tags python:3.13-slim --facts        one tag: index, image, layers, history
  tare tags python --recorded               without a network
"""


class TagsArguments(WorldArguments):
    """What `tare tags` is given."""

    image: str
    series: str | None
    variant: str | None
    all: bool
    recorded: bool
    platform: str | None
    facts: bool
    json: bool


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.examples(EXAMPLES)
    parser.add_argument("image", metavar="REPOSITORY[:TAG]", help="such as python, or python:3.13-slim")
    repository = parser.add_argument_group("a repository")
    repository.add_argument("--series", metavar="X.Y", help="only this series of CPython")
    repository.add_argument("--variant", metavar="NAME", help="slim, alpine, full, windows, or an OS such as trixie")
    repository.add_argument("--all", action="store_true", help="also what is at its end, or not built any more")
    repository.add_argument(
        "--recorded", action="store_true", help="answer from what tare recorded, and ask no registry"
    )
    tag = parser.add_argument_group("a tag")
    tag.add_argument("--platform", metavar="OS/ARCH", help="which image of an index to tell")
    tag.add_argument("--facts", action="store_true", help="read the layers, too: libc, Python, PGO, unpacked size")
    add_world_options(parser)
    parser.add_argument("--json", action="store_true", help="print a document that machines read")


def execute(arguments: Arguments) -> int:
    """Print the grid of a repository, or the story of a tag."""
    arguments = cast("TagsArguments", arguments)
    name = parse(arguments.image)
    if not isinstance(name, RegistryName):
        raise UsageError(
            f"`{arguments.image}` is not in a registry", hints=("Tags are names in registries, such as `python:3.13`",)
        )
    one = name.reference.tag is not None or name.reference.digest is not None
    _check(arguments, name.reference, one=one)
    reporter = Terminal()
    world = make_world(arguments, reporter)
    try:
        with world.cache.in_use():
            text = _story(world, arguments, name.reference) if one else _listing(world, arguments, name.reference)
    except NetworkError as error:
        from tare.flow.images.tags import with_hint

        raise with_hint(error, name.reference) from error.__cause__
    finally:
        world.close()
        reporter.close()
    sys.stdout.write(text)
    return 0


def _check(arguments: TagsArguments, reference: Reference, *, one: bool) -> None:
    """Refuse options that would be passed over."""
    of_tags = {"--platform": arguments.platform, "--facts": arguments.facts}
    of_repositories = {
        "--series": arguments.series,
        "--variant": arguments.variant,
        "--all": arguments.all,
        "--recorded": arguments.recorded,
    }
    wrong = next((option for option, value in (of_repositories if one else of_tags).items() if value), None)
    if wrong is not None:
        repository = msgspec.structs.replace(reference, tag=None, digest=None).familiar
        what, example = ("a repository", repository) if one else ("a tag", f"{repository}:TAG")
        raise UsageError(f"`{wrong}` is for {what}", hints=(f"Write it with `tare tags {example}`",))


def _listing(world: World, arguments: TagsArguments, reference: Reference) -> str:
    from tare.bases.tag_choice import Wanted
    from tare.flow.images.tags import explained, recorded
    from tare.report.tags import listing_json, listing_text

    wanted = Wanted(series=arguments.series, variant=arguments.variant, all=arguments.all)
    found = (recorded if arguments.recorded else explained)(world, reference, wanted)
    return listing_json(found) if arguments.json else listing_text(found)


def _story(world: World, arguments: TagsArguments, reference: Reference) -> str:
    from tare.bases.catalogue.catalogue import catalogue
    from tare.flow.images.tag_story import told
    from tare.oci.platform import parse as parse_platform
    from tare.report.tag_story import story_json, story_text

    platform = parse_platform(arguments.platform) if arguments.platform else None
    story = told(world, reference, platform, facts=arguments.facts)
    return story_json(story) if arguments.json else story_text(story, catalogue())
