"""The bases of the catalogue, with what reading their images has told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from tare.bases.catalogue.catalogue import catalogue
from tare.errors import TareError
from tare.flow.bases.looking import recorded, stand
from tare.flow.bases.standing import Standing
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.platform import Platform
from tare.stores.names import RegistryName, parse


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One base."""

    standing: Standing
    version: str | None
    """Of its interpreter."""

    read: float | None
    """When its image was read, in seconds since 1970; None for never."""

    failed: str = ""
    """Why it could not be read now."""


def listed(world: World, platform: Platform, *, series: str | None, names: Iterable[str] = ()) -> tuple[Listed, ...]:
    """Return the bases of the catalogue for *platform*, of *series* or all, or those with *names*."""
    wanted = tuple(names) or tuple(base.name for base in catalogue().bases(series=series) if base.kind != "windows")
    return tuple(_listed(world, Request(base=name, platform=platform)) for name in wanted)


def refreshed(
    world: World, bases: Sequence[Listed], platform: Platform, warn: Callable[[str], None]
) -> tuple[Listed, ...]:
    """Return *bases* after the image of each that can be reached was read."""
    found = []
    silent: set[str] = set()
    for each in bases:
        name = each.standing.name
        host = _host(name)
        request = Request(base=name, platform=platform, pull=True)
        if host in silent:
            found.append(msgspec.structs.replace(each, failed=f"`{host}` cannot be reached"))
            continue
        try:
            stand(world, request, named=True)
        except TareError as error:
            found.append(msgspec.structs.replace(each, failed=error.message))
            continue
        now = _listed(world, request)
        if now.read is None and host:
            silent.add(host)
            found.append(msgspec.structs.replace(now, failed=f"`{host}` cannot be reached"))
        else:
            found.append(now)
    for host in sorted(silent):
        warn(f"`{host}` cannot be reached: its images stay as the catalogue has them")
    return tuple(found)


def _host(name: str) -> str:
    """Return the registry of a base; empty for what is none's."""
    parsed = parse(name)
    return parsed.reference.registry if isinstance(parsed, RegistryName) else ""


def _listed(world: World, request: Request) -> Listed:
    standing, read = recorded(world, request)
    version = standing.target.version if standing.target else None
    return Listed(standing=standing, version=version, read=read)
