"""Looking at a base before anything is built on it: its image where that is cheap, else what is recorded of it."""

from __future__ import annotations

from typing import Final

import msgspec

from tare.bases.catalogue.catalogue import catalogue
from tare.bases.facts import BaseFacts
from tare.errors import NetworkError, TargetError, UsageError
from tare.flow.bases import named as bases
from tare.flow.bases.standing import Standing, of_base, of_row
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.oci.image import Image
from tare.stores.cache import key_of
from tare.stores.names import RegistryName, parse

FORMAT: Final = 5
"""Raised when something else would be kept of a base that was read."""

_UNREACHABLE: Final = 600
"""Seconds for which a registry that could not be reached is not asked again."""


class _HostKey(msgspec.Struct, frozen=True, kw_only=True):
    host: str
    mirrors: tuple[str, ...]


class _Silent(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    reason: str


class _FactsKey(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    image: Digest
    python: str | None


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A base that was read from its image, and when."""

    standing: Standing
    at: float
    """Seconds since 1970."""


class _ReadKey(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    base: str
    platform: str
    python: str | None


def stand(world: World, request: Request, *, named: bool, whole: bool = False) -> Standing:
    """Return what is known of the base of *request*. One that a person *named* is read, and with *whole* any is; where
    that cannot be, the catalogue has it.
    """
    name = parse(request.base)
    row = catalogue().find_base(request.base)
    if not isinstance(name, RegistryName):
        return _kept(world, request, of_base(request, bases.resolve(world, request), row))
    try:
        image = _image(world, request, name, glancing=not named)
    except NetworkError as error:
        before = last_read(world, request)
        if before is not None:
            why = f"{_why(error)}; this is what it was when it was last read"
            return msgspec.structs.replace(before.standing, why=why)
        if row is None:
            raise
        return of_row(request, row, None, why=_why(error))
    facts, why = _remembered(world, image, request), "its layers were not read"
    if facts is None and (whole or named):
        try:
            facts = bases.facts(world, image, request)
        except NetworkError as error:
            if row is None or not named:
                raise
            why = _why(error)
    if facts is not None:
        base = bases.Base(name=request.base, image=image, facts=facts, resolved=0.0)
        return _kept(world, request, of_base(request, base, row))
    if row is None:
        raise TargetError(f"nothing is known of `{request.base}`", hints=("Name it with `--base` to have it read",))
    return of_row(request, row, image, why=why)


def last_read(world: World, request: Request) -> Read | None:
    """Return what a base was when its image was last read."""
    return world.cache.recall("standings", _read_key(request), Read)


def recorded(world: World, request: Request) -> tuple[Standing, float | None]:
    """Return what is known of a base of the catalogue without asking anyone, and when its image was read, if ever."""
    before = last_read(world, request)
    if before is not None:
        return before.standing, before.at
    row = catalogue().find_base(request.base)
    if row is None:
        raise UsageError(f"the catalogue has no base `{request.base}`", hints=("`tare bases` lists those that it has",))
    return of_row(request, row, None, why=""), None


def _kept(world: World, request: Request, standing: Standing) -> Standing:
    """Return *standing* with the day on which it was found to be so."""
    known = last_read(world, request)
    if known is not None and not request.pull:
        same = msgspec.structs.replace(standing, date=known.standing.date)
        if same == known.standing:
            return same
    standing = msgspec.structs.replace(standing, date=bases.moment(world.now()).date().isoformat())
    value = msgspec.json.encode(Read(standing=standing, at=world.now()))
    world.cache.remember("standings", _read_key(request), value)
    return standing


def _read_key(request: Request) -> Digest:
    return key_of(_ReadKey(format=FORMAT, base=request.base, platform=str(request.platform), python=request.python))


def _image(world: World, request: Request, name: RegistryName, *, glancing: bool) -> Image:
    """Return what the registry has, without asking one again that has just been found to be out of reach."""
    from tare.flow.bases.pulled import pulled

    key = key_of(
        _HostKey(host=name.reference.registry, mirrors=(*world.mirrors, world.environment.get("TARE_MIRROR", "")))
    )
    silent = world.cache.recall("unreachable", key, _Silent)
    if silent is not None and not request.pull and 0 <= world.now() - silent.at < _UNREACHABLE:
        raise NetworkError(f"`{name.reference.registry}` cannot be reached", causes=(silent.reason,))
    try:
        return pulled(world, request, name.reference, glancing=glancing)[0]
    except NetworkError as error:
        if not (world.offline or _was_answered(error)):
            silent = _Silent(at=world.now(), reason=_why(error))
            world.cache.remember("unreachable", key, msgspec.json.encode(silent))
        raise


def _was_answered(error: NetworkError) -> bool:
    from tare.stores.registry.source import was_answered

    return was_answered(error)


def _why(error: NetworkError) -> str:
    """Return the reason in few words: the last of what went wrong, without the request."""
    reason = (error.causes[0] if error.causes else error.message).rpartition(": ")[2]
    return f"the registry does not have it ({reason})" if _was_answered(error) else reason


def _remembered(world: World, image: Image, request: Request) -> BaseFacts | None:
    from tare.bases.facts import FORMAT

    key = key_of(_FactsKey(format=FORMAT, image=image.digest, python=request.python))
    return world.cache.recall("facts", key, BaseFacts)
