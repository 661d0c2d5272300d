"""From the pins of a lock to its resolution: the end that every format but PEP 751 and uv's own has in common."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from packaging.markers import Marker

from tare.projects import markers
from tare.projects.locks import pins
from tare.projects.locks.interface import Request, Resolution
from tare.projects.locks.pins import Pin, Source
from tare.projects.uv import Uv


def resolution(
    found: Iterable[Pin],
    source: Source,
    request: Request,
    uv: Uv,
    *,
    inputs: tuple[str, ...],
    warnings: tuple[str, ...] = (),
) -> Resolution:
    """Return the resolution of the pins *found*, of which those that cannot be needed are left out."""
    held = needed(found, request)
    without = unhashed(held, source.origin)
    return Resolution(
        pylock=pins.locked(held, source, request, uv),
        origin=source.origin,
        directory=source.directory,
        pinned=True,
        hashed=not without,
        extras=request.extras,
        groups=request.groups,
        inputs=inputs,
        warnings=(*warnings, *without),
    )


def needed(found: Iterable[Pin], request: Request) -> list[Pin]:
    """Return those of *found* that can be needed on some Linux with CPython `request.python`.

    What needs an extra or a group that is not asked for is left out, so that nothing is asked about it: a development
    tool may be on a private index.
    """
    return [pin for pin in _merged(found) if _may_hold(pin, request)]


def unhashed(held: Iterable[Pin], origin: str) -> tuple[str, ...]:
    """Return what is to be said of pins that the lock has no hash for."""
    names = [f"`{pin.name}`" for pin in held if not pin.hashes and pin.package is None]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (f"`{origin}` has no hash for {', '.join(names[:3])}{more}",) if names else ()


def _merged(found: Iterable[Pin]) -> list[Pin]:
    """Return *found* with those that name the same release made one."""
    merged: dict[tuple[str, str], Pin] = {}
    for pin in found:
        key = (pin.name, pin.line() if pin.package is None else repr(pin.package))
        if key in merged:
            other = merged[key]
            marker = markers.either((other.marker, pin.marker))
            pin = msgspec.structs.replace(pin, marker=marker, hashes=pin.hashes | other.hashes)  # noqa: PLW2901
        merged[key] = pin
    return list(merged.values())


def _may_hold(pin: Pin, request: Request) -> bool:
    if pin.marker is None:
        return True
    return markers.possible(Marker(pin.marker), request.python, extras=request.extras, groups=request.groups)
