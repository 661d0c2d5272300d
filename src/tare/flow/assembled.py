"""Assembled bases, remembered: what a suite was turned into is found without reading its tables again."""

from __future__ import annotations

import msgspec

from tare.bases.debian import RECIPE, tables_digest
from tare.flow.request import Request
from tare.flow.world import World, held
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.image import Image, read_image
from tare.stores.cache import key_of


class Assembled(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is a base alone."""

    manifest: bytes
    config: bytes
    layer: Descriptor
    resolved: float
    """When its suite was looked up, in seconds since 1970."""


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    recipe: int
    tables: Digest
    suite: str
    platform: str
    packages: tuple[str, ...]
    debug: bool
    epoch: int


def assembled(world: World, request: Request, suite: str, packages: tuple[str, ...]) -> tuple[Image, float]:
    """Return the base of *suite* with *packages* besides, and when its suite was looked up."""
    key = key_of(
        _Key(
            recipe=RECIPE,
            tables=tables_digest(),
            suite=suite,
            platform=str(request.platform),
            packages=tuple(sorted({*request.system_packages, *packages})),
            debug=request.debug,
            epoch=world.epoch,
        )
    )
    base = world.cache.recall("assembled", key, Assembled)
    stale = request.pull and base is not None and base.resolved < world.started
    if base is None or stale or world.cache.find(base.layer) is None:
        from tare.flow import debian

        base = debian.resolve(world, request, suite, packages)
        world.cache.remember("assembled", key, msgspec.json.encode(base))
    return read_image(base.manifest, base.config, (held(world, base.layer),)), base.resolved
