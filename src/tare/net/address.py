"""Addresses: absolute URLs of HTTP, taken apart strictly and cheaply.

`urllib.parse` accepts what servers and clients read differently, and costs 5 ms to import; a push has 75 ms in all.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

PORTS: Final = {"http": 80, "https": 443}

_parts = re.compile(
    r"(https?)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?([/?][^#]*)?(?:#.*)?", re.IGNORECASE
)
_visible = re.compile(r"[\x21-\x7e]+")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes, and what it asks for."""

    scheme: str

    host: str
    """In lower case; an IPv6 address without brackets."""

    port: int

    target: str = "/"
    """Path and query, as they stand in the request line."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what credentials belong to (RFC 6454)."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """Host and port as the `Host` field has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"

    @property
    def shown(self) -> str:
        """The address as it may be printed: signed URLs carry their secret in the query."""
        path, question, _ = self.target.partition("?")
        text = f"{self.scheme}://{self.netloc}{path}"
        return f"{text[:300]}{'?…' if question else ''}"

    def at(self, target: str) -> Address:
        """Return the same place with another path."""
        return Address(scheme=self.scheme, host=self.host, port=self.port, target=target)


def parse(text: str) -> Address | None:
    """Read an absolute URL; None if it is not one that a request can be sent to, or has user info.

    >>> str(parse("HTTP://Registry.Example:80/v2/"))
    'http://registry.example/v2/'
    >>> parse("http://user@registry.example/") is None
    True
    """
    found = _parts.fullmatch(text)
    if found is None or _visible.fullmatch(text) is None:
        return None
    scheme, host, port, target = found.groups()
    scheme = scheme.lower()
    number = int(port) if port else PORTS[scheme]
    if not 0 < number < 65536:
        return None
    target = target or "/"
    return Address(
        scheme=scheme,
        host=host.strip("[]").lower(),
        port=number,
        target=target if target.startswith("/") else f"/{target}",
    )


def join(base: Address, location: str) -> Address | None:
    """Return what *location*, of an answer from *base*, points to; None if it is nothing that can be asked.

    >>> str(join(parse("http://registry.example/v2/app/"), "/v2/app/blobs/uploads/1?state=a"))
    'http://registry.example/v2/app/blobs/uploads/1?state=a'
    """
    location = location.strip(" \t")
    if location.startswith("/") and not location.startswith("//") and _visible.fullmatch(location):
        return base.at(location.partition("#")[0])
    if location[:8].lower().startswith(("http://", "https://")):
        return parse(location)
    from urllib.parse import urljoin

    try:
        return parse(urljoin(str(base), location))
    except ValueError:
        return None
