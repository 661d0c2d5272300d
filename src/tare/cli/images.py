"""The image that a command is given, of which it reads layers more than once."""

from __future__ import annotations

from tare.flow.world import World
from tare.oci.image import Image


def image_of(world: World, text: str, platform: str | None) -> Image:
    """Return the image that *text* names. Layers of one in a registry are kept once they were read."""
    from tare.flow.bases.pulled import current
    from tare.oci import platform as platforms
    from tare.stores.names import RegistryName, parse
    from tare.stores.open import open_source

    name = parse(text)
    wanted = platforms.parse(platform) if platform else None
    if isinstance(name, RegistryName):
        return current(world, name.reference, wanted)
    return open_source(name, world.surroundings).read(wanted)
