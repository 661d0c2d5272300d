"""Which package of a suite has a shared library: by the table or, of a suite that can be asked, by its index of files."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from tare.bases.debian.tables import tables
from tare.errors import TareError
from tare.flow.bases import debian
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.platform import Platform


def suppliers(world: World, libraries: Collection[str], suite: str, platform: Platform, *, ask: bool) -> dict[str, str]:
    """Return the packages of *libraries*, by their names; one of which nobody knows is absent."""
    table = tables()
    found = {name: package for name in libraries if (package := table.package_of(name, suite))}
    rest = {*libraries} - {*found}
    if ask and rest and suite:
        request = Request(base=f"deb:{suite}", platform=platform)
        with contextlib.suppress(TareError):  # a machine that has no sources of the suite
            found |= debian.providers(world, request, rest, suite)
    return found
