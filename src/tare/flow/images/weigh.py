"""What does an image weigh? The same for every place that one can be in, and for a directory."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tare.errors import NetworkError, UsageError
from tare.flow.world import World
from tare.measure.contents import Contents, read_image
from tare.measure.directory import read_directory
from tare.measure.weigh import weigh_directory, weigh_image
from tare.measure.weighed import Weighed
from tare.oci.image import Image
from tare.oci.platform import Platform
from tare.stores.names import ArchiveName, DaemonName, ImageName, LayoutName, SuiteName, parse
from tare.stores.open import open_source


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and the image that it is of."""

    name: str
    image: Image | None
    """None for a directory."""

    contents: Contents

    repacked: bool
    """Whether the layers may lie here otherwise than a registry has them."""


def is_directory(text: str) -> bool:
    """Whether *text* means a directory of this machine, and not a repository: it begins or ends as a path does."""
    return text.startswith(("/", "./", "../", "~")) or text in {".", ".."} or text.endswith("/") or text == ".venv"


def open_named(world: World, text: str, platform: Platform | None = None) -> Opened:
    """Read everything under *text*, which is an image's name or a directory's path."""
    if is_directory(text):
        directory = Path(text).expanduser()
        if directory.is_file():
            raise UsageError(
                f"`{text}` is a file",
                hints=(f"Write `docker-archive:{text}` if `docker save` wrote it; unpack any other into a directory",),
            )
        if not (directory / "oci-layout").is_file():
            return Opened(name=text, image=None, contents=read_directory(directory), repacked=False)
        return open_image(world, LayoutName(directory=str(directory)), platform)
    try:
        return open_image(world, parse(text), platform)
    except NetworkError as error:
        if Path(text).is_dir():
            error.hints = (f"Write `./{text}` for the directory of that name", *error.hints)
        raise


def open_image(world: World, name: ImageName, platform: Platform | None) -> Opened:
    """Read an image's layers."""
    if isinstance(name, SuiteName):
        raise UsageError(
            f"`{name}` is a base that is assembled when it is needed", hints=("Weigh the image that was built",)
        )
    image = open_source(name, world.surroundings).read(platform)
    world.reporter.total(sum(layer.descriptor.size for layer in image.layers))
    contents = read_image(image, what=f"`{name}`", progress=world.reporter.advance)
    return Opened(name=str(name), image=image, contents=contents, repacked=isinstance(name, ArchiveName | DaemonName))


def weigh(opened: Opened) -> Weighed:
    """Return the accounts of what was read."""
    if opened.image is None:
        return weigh_directory(opened.contents)
    return weigh_image(opened.contents, opened.image, repacked=opened.repacked)
