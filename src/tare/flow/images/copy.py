"""Images from one place to another, as they are; compressed anew only when that is asked for."""

from __future__ import annotations

from typing import BinaryIO, Literal

import msgspec

from tare.flow.images.recompress import recompressed
from tare.flow.world import World
from tare.oci.image import Image, ImageIndex
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores.names import ImageName
from tare.stores.open import open_destination, open_source


def copy(
    world: World,
    source: ImageName,
    destination: ImageName,
    *,
    platform: Platform | None,
    compression: Literal["gzip", "dense", "zstd"] | None,
    references: tuple[Reference, ...] = (),
    stdout: BinaryIO | None = None,
) -> Image | ImageIndex:
    """Copy the image under *source*, all of it or the part for *platform*, and return what was written.

    *stdout* is where `docker-archive:-` goes.
    """
    surroundings = msgspec.structs.replace(world.surroundings, stdout=stdout)
    place = open_source(source, surroundings)
    image: Image | ImageIndex = place.read_all() if platform is None else place.read(platform)
    if compression is not None:
        image = recompressed(world, image, compression)
    with world.step("copy"):
        open_destination(destination, references, surroundings, mtime=world.epoch).write(image)
    return image
