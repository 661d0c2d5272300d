"""From a base's name to the base: resolved once and then kept, until `--pull`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

import msgspec

from tare.bases.facts import FORMAT, BaseFacts
from tare.errors import UsageError
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci import media_types
from tare.oci.compression import open_decompressed
from tare.oci.digest import Digest
from tare.oci.image import Blob, Image
from tare.plan.plan import Dropped
from tare.stores.cache import key_of
from tare.stores.names import RegistryName, SuiteName, parse


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What an image is built on."""

    name: str
    """As it was named."""

    image: Image
    facts: BaseFacts

    resolved: float
    """When the name was resolved, in seconds since 1970; 0 for what lies on this machine."""

    dropped: tuple[Dropped, ...] = ()
    """What an assembled base does without."""

    idle: dict[str, int] = {}
    """Bytes that an assembled base could do without, by kind."""


class _FactsKey(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    image: Digest
    python: str | None


def resolve(world: World, request: Request, *, packages: tuple[str, ...] = ()) -> Base:
    """Return the base that *request* names. *packages* are what an assembled one has besides."""
    name = parse(request.base)
    if isinstance(name, SuiteName):
        from tare.flow.bases.assembled import assembled

        image, known = assembled(world, request, name.suite, packages)
        return Base(
            name=request.base,
            image=image,
            facts=facts(world, image, request),
            resolved=known.resolved,
            dropped=known.dropped,
            idle=known.idle,
        )
    if request.system_packages:
        raise UsageError(
            f"`system-packages` needs an assembled base; the base is `{request.base}`",
            hints=("Use `--base deb:trixie`, or install the packages in the base",),
        )
    if isinstance(name, RegistryName):
        from tare.flow.bases.pulled import pulled

        image, resolved = pulled(world, request, name.reference)
    else:
        from tare.stores.open import open_source

        image, resolved = open_source(name, world.surroundings).read(request.platform), 0.0
    return Base(name=request.base, image=image, facts=facts(world, image, request), resolved=resolved)


def facts(world: World, image: Image, request: Request) -> BaseFacts:
    """Return the facts of *image*, remembered by its digest."""
    key = key_of(_FactsKey(format=FORMAT, image=image.digest, python=request.python))
    known = world.cache.recall("facts", key, BaseFacts)
    if known is not None:
        return known
    from tare.bases.facts import read

    with world.step("read the base"):
        found = read(
            image.config,
            layer_openers(image),
            python=request.python,
            what=f"the base `{request.base}`",
        )
    world.cache.remember("facts", key, msgspec.json.encode(found))
    return found


def layer_openers(image: Image) -> list[Callable[[], BinaryIO]]:
    """Return what opens the layers of *image*, bottom first, as uncompressed tars."""
    return [opener(layer) for layer in image.layers]


def opener(layer: Blob) -> Callable[[], BinaryIO]:
    """Return what opens *layer* as an uncompressed tar."""
    compression = media_types.COMPRESSION.get(layer.descriptor.media_type, "gzip")
    what = f"layer {layer.descriptor.digest}"
    return partial(_open, layer, compression, what)


def _open(layer: Blob, compression: str, what: str) -> BinaryIO:
    return open_decompressed(layer.open(), compression, what=what, owned=True)


def moment(seconds: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)
