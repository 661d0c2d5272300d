"""What is known of a base before anything is built on it: read from the image where that is cheap, else recorded."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from tare.bases.catalogue.catalogue import catalogue, sources
from tare.bases.catalogue.known import KnownBase
from tare.bases.catalogue.rows import OperatingSystem
from tare.bases.facts import BaseFacts
from tare.errors import NetworkError, TareError, TargetError, UsageError
from tare.flow.bases import named as bases
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.oci.ground import Ground
from tare.oci.image import Image
from tare.stores.cache import key_of
from tare.stores.names import RegistryName, SuiteName, parse
from tare.wheels.libraries import Libraries
from tare.wheels.target import Libc, Target

FORMAT: Final = 5
"""Raised when something else would be kept of a base that was read."""

_LAYERS: Final = 6
"""Layers of a base that nobody has read: what matters of it is only that they are few."""

_UNREACHABLE: Final = 600
"""Seconds for which a registry that could not be reached is not asked again."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A base for one platform. None is unknown."""

    name: str
    """As it was typed, or as the catalogue has it."""

    kind: str
    """As in the catalogue, or `named` for any other image."""

    origin: Literal["image", "manifest", "catalogue"]
    """What it is known from: `manifest` for an image whose layers were not read."""

    why: str = ""
    """Why the image itself was not read."""

    digest: Digest | None = None
    target: Target | None = None
    unfit: str = ""
    """Why nothing can be put on it, when there is no target."""

    interpreter: str = ""
    libraries: Libraries | None = None
    os: str = ""
    """The system's `ID` in os-release, where the image was read."""

    suite: str = ""
    """Its `VERSION_CODENAME`."""

    ground: Ground = Ground()
    layers: int = _LAYERS
    pull: int | None = None
    unpacked: int | None = None
    pgo: bool | None = None
    lto: bool | None = None
    platforms: tuple[str, ...] | None = None
    """Those that the image is built for, by the catalogue."""

    package_manager: str | None = None
    """Empty for none."""

    shell: str | None = None
    """Empty for none."""

    user: str | None = None
    python_eol: str | None = None
    os_eol: str | None = None
    sources: tuple[str, ...] = ()
    date: str = ""
    """The day on which the image was read; of the newest of the catalogue's rows, where it was not."""


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
        return _kept(world, request, _of_base(request, bases.resolve(world, request), row))
    try:
        image = _image(world, request, name, glancing=not named)
    except NetworkError as error:
        before = last_read(world, request)
        if before is not None:
            why = f"{_why(error)}; this is what it was when it was last read"
            return msgspec.structs.replace(before.standing, why=why)
        if row is None:
            raise
        return _of_row(request, row, None, why=_why(error))
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
        return _kept(world, request, _of_base(request, base, row))
    if row is None:
        raise TargetError(f"nothing is known of `{request.base}`", hints=("Name it with `--base` to have it read",))
    return _of_row(request, row, image, why=why)


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
    return _of_row(request, row, None, why=""), None


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


def _of_base(request: Request, base: bases.Base, row: KnownBase | None) -> Standing:
    facts = base.facts
    python = facts.python
    target, libraries, unfit = None, None, ""
    try:
        target, libraries = facts.target(), facts.provided()
    except TareError as error:
        unfit = "; ".join((error.message, *error.causes))
    table = catalogue()
    system = table.find_os(facts.os.codename) or table.find_release(facts.os.id, facts.os.version)
    series = table.find_series("{}.{}".format(*target.series)) if target else None
    return Standing(
        name=request.base,
        kind=row.kind if row is not None else "assembled" if isinstance(parse(request.base), SuiteName) else "named",
        origin="image",
        digest=base.image.digest,
        target=target,
        unfit=unfit,
        interpreter=python.executable if python else "",
        libraries=libraries,
        os=facts.os.id,
        suite=facts.os.codename,
        ground=facts.ground,
        layers=len(base.image.manifest.layers),
        pull=sum(layer.size for layer in base.image.manifest.layers),
        unpacked=sum(facts.unpacked),
        platforms=tuple(map(str, row.platforms)) if row is not None and row.platforms else None,
        pgo=python.pgo if python else None,
        lto=python.lto if python else None,
        package_manager=facts.package_manager or "",
        shell=facts.shell or "",
        user=facts.user or "root",
        python_eol=series.eol if series else None,
        os_eol=system.last_day if system else None,
        sources=(f"read from the image {base.image.digest}", *sources(series), *_support_of(system)),
    )


def _support_of(system: OperatingSystem | None) -> tuple[str, ...]:
    return (f"{system.eol_source} ({system.date})",) if system is not None and system.eol_source else ()


def _of_row(request: Request, row: KnownBase, image: Image | None, *, why: str) -> Standing:
    target, unfit = _target(request, row)
    return Standing(
        name=request.base,
        kind=row.kind,
        origin="catalogue" if image is None else "manifest",
        why=why,
        digest=image.digest if image is not None else None,
        target=target,
        unfit=unfit,
        interpreter=row.interpreter or "",
        layers=len(image.manifest.layers) if image is not None else _LAYERS,
        pull=sum(layer.size for layer in image.manifest.layers) if image is not None else row.pull,
        unpacked=row.unpacked,
        platforms=tuple(map(str, row.platforms)) if row.platforms else None,
        pgo=row.pgo,
        lto=row.lto_on(request.platform),
        package_manager=row.package_manager,
        shell=row.shell,
        user=row.user,
        python_eol=row.python_eol,
        os_eol=row.os.last_day,
        sources=row.sources,
        date=row.date,
    )


def _target(request: Request, row: KnownBase) -> tuple[Target | None, str]:
    unfit = _unfit(request, row)
    libc: Libc | None = row.libc
    if unfit or libc is None or row.python is None:
        return None, unfit or "nobody says which C library it has"
    target = Target(platform=request.platform, libc=libc, version=row.version or row.python)
    try:
        target.machine  # noqa: B018  # raises for a platform that no wheel is for
    except TargetError as error:
        return None, error.message
    return target, ""


def _unfit(request: Request, row: KnownBase) -> str:
    """Return why nothing can be put on a base, or nothing."""
    if row.fits(request.platform) is False:
        return f"there is no image for {request.platform}: it is built for {', '.join(row.platforms)}"
    if row.python is None:
        there = f"; its archive would install {row.archive_python}" if row.archive_python else ""
        return ("it has no Python" if row.kind == "ubuntu" else "nobody says which Python it has") + there
    asked = request.python
    if asked is not None and asked.startswith("/"):
        return "" if asked == row.interpreter else f"its interpreter is `{row.interpreter}`"
    if asked is not None and asked.split(".")[:2] != row.python.split("."):
        return f"it has CPython {row.python}"
    return ""
