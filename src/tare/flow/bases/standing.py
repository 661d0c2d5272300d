"""What is known of a base before anything is built on it, as a value: of its image, or of the catalogue's row."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from tare.bases.catalogue.catalogue import catalogue, sources
from tare.bases.catalogue.known import KnownBase
from tare.bases.catalogue.rows import OperatingSystem
from tare.errors import TareError, TargetError
from tare.flow.bases import named as bases
from tare.flow.request import Request
from tare.oci.digest import Digest
from tare.oci.ground import Ground
from tare.oci.image import Image
from tare.stores.names import SuiteName, parse
from tare.wheels.libraries import Libraries
from tare.wheels.target import Libc, Target

_LAYERS: Final = 6
"""Layers of a base that nobody has read: what matters of it is only that they are few."""


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


def of_base(request: Request, base: bases.Base, row: KnownBase | None) -> Standing:
    """Return what the image of *base* tells, which is *row* of the catalogue if it has one."""
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


def of_row(request: Request, row: KnownBase, image: Image | None, *, why: str) -> Standing:
    """Return what *row* of the catalogue says, and *image*'s manifest; *why* is why the image was not read."""
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
