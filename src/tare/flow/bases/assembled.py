"""Assembled bases, remembered: what a suite was turned into is found without reading its tables again."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tare.bases.debian import RECIPE, tables_digest
from tare.flow.bases.omitted import slim_of
from tare.flow.request import Request
from tare.flow.world import World, held
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.image import Image, read_image
from tare.plan.plan import Dropped
from tare.stores.cache import hash_file, key_of


class Assembled(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is a base alone."""

    manifest: bytes
    config: bytes
    layer: Descriptor
    resolved: float
    """When its suite was looked up, in seconds since 1970."""

    dropped: tuple[Dropped, ...] = ()
    """What it does without."""

    idle: dict[str, int]
    """Bytes that it could do without, by kind; nothing where it does. (It has no default: a memo of before lacks it.)"""


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    recipe: int
    tables: Digest
    suite: str
    platform: str
    packages: tuple[str, ...]
    debug: bool
    slim: str
    sources: tuple[str, ...]
    epoch: int


def named_sources(world: World) -> tuple[str, ...]:
    """Return where a person says that packages and keys are from, as a part of keys; nothing where apt says it.

    Mirrors that machines are configured for have one Debian; whoever names one means that one. The keys count by what
    they are, not by the name of their file.
    """
    named = tuple(f"{name}={world.environment[name]}" for name in _NAMED if name in world.environment)
    keyring = world.environment.get("TARE_DEBIAN_KEYRING")
    return (*named, f"keys {_digest(keyring)}") if keyring else named


_NAMED = ("TARE_DEBIAN_MIRROR", "TARE_DEBIAN_SECURITY_MIRROR")


def _digest(path: str) -> str:
    try:
        return hash_file(Path(path))
    except OSError as error:
        return error.strerror or ""  # Whoever reads it says so.


def assembled(world: World, request: Request, suite: str, packages: tuple[str, ...]) -> tuple[Image, Assembled]:
    """Return the base of *suite* with *packages* besides, and what is remembered of it."""
    key = key_of(
        _Key(
            recipe=RECIPE,
            tables=tables_digest(),
            suite=suite,
            platform=str(request.platform),
            packages=tuple(sorted({*request.system_packages, *packages})),
            debug=request.debug,
            slim=slim_of(request),
            sources=named_sources(world),
            epoch=world.epoch,
        )
    )
    base = world.cache.recall("assembled", key, Assembled)
    stale = request.pull and base is not None and base.resolved < world.started
    if base is None or stale or world.cache.find(base.layer) is None:
        from tare.flow.bases import debian

        base = debian.resolve(world, request, suite, packages)
        world.cache.remember("assembled", key, msgspec.json.encode(base))
    return read_image(base.manifest, base.config, (held(world, base.layer),)), base
