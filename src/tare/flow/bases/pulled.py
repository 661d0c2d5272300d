"""Bases in registries: a name is resolved once and then kept, and layers come when somebody opens them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.descriptor import Descriptor
from tare.oci.image import Blob, Image, read_image
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores.cache import key_of

if TYPE_CHECKING:
    from tare.stores.registry.repository import Registries


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    reference: str
    platform: str
    mirrors: tuple[str, ...]


class _Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What a name stood for."""

    manifest: bytes
    config: bytes
    resolved: float
    """When it was looked up, in seconds since 1970."""


class CachedBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A registry's blob that is kept once it was read. Whoever only pushes where it already is never opens it."""

    descriptor: Descriptor
    remote: Callable[[], Blob]
    """Gives the blob where it lies in the registry."""

    world: World

    def open(self) -> BinaryIO:
        from tare.stores.registry.downloads import download

        return download(self.remote(), self.world.cache, progress=self.world.reporter.advance).open()


def pulled(world: World, request: Request, reference: Reference, *, glancing: bool = False) -> tuple[Image, float]:
    """Return the image that *reference* stands for, and when that was looked up. A registry that does not answer is given
    up soon when only *glancing*.
    """
    key = key_of(_Key(reference=str(reference), platform=str(request.platform), mirrors=world.mirrors))
    kept = world.cache.recall("names", key, _Pulled)
    if kept is None or (request.pull and kept.resolved < world.started):
        kept = _look_up(world, request, reference, world.glancing if glancing else world.registries)
        world.cache.remember("names", key, msgspec.json.encode(kept))
    what = f"`{reference.familiar}`"
    image = read_image(kept.manifest, kept.config, (), what=what)
    layers = tuple(_layer(world, reference, descriptor) for descriptor in image.manifest.layers)
    return msgspec.structs.replace(image, layers=layers), kept.resolved


def current(world: World, reference: Reference, platform: Platform | None) -> Image:
    """Return the image that *reference* stands for now. Its layers are kept once they were read."""
    from tare.stores.registry.source import RegistrySource

    image = RegistrySource(world.registries, reference).read(platform)
    return msgspec.structs.replace(
        image, layers=tuple(_layer(world, reference, descriptor) for descriptor in image.manifest.layers)
    )


def _look_up(world: World, request: Request, reference: Reference, registries: Registries) -> _Pulled:
    from tare.stores.registry.source import RegistrySource

    with world.step("look up the base"):
        image = RegistrySource(registries, reference).read(request.platform)
    return _Pulled(manifest=image.raw, config=image.raw_config, resolved=world.now())


def _layer(world: World, reference: Reference, descriptor: Descriptor) -> Blob:
    world.whereabouts.note(descriptor.digest, reference)
    found = world.cache.find(descriptor)
    if found is not None:
        return found

    def remote() -> Blob:
        from tare.stores.registry.source import RegistrySource

        return RegistrySource(world.registries, reference).layer(descriptor, f"a layer of `{reference.familiar}`")

    return CachedBlob(descriptor=descriptor, remote=remote, world=world)
