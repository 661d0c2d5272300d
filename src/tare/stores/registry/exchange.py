"""One request, and what becomes of it while it is led through authorization and redirects."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from tare.net.address import Address
from tare.net.connection import Content
from tare.stores.registry.authorizer import Scopes

_NOTHING: Mapping[str, str] = {}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry is asked."""

    method: str

    where: str | Address
    """A path under the registry's own address, or an address that the registry gave."""

    task: str
    """What an error says could not be done."""

    scopes: Scopes

    accept: Collection[int]
    """The statuses of answers that are of use."""

    fields: Mapping[str, str] = _NOTHING
    content: bytes | Content | None = None

    patience: float = 1.0
    """Multiplies the time for the answer."""


class Exchange:
    """A request on its way."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.sent: str | None = None
        """The `Authorization` that went with it last."""
        self.away = False
        """It has left the registry: from there on nobody is shown anything, wherever it leads."""
