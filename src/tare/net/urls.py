"""URLs: what they point at, and how they may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import msgspec

from tare.errors import NetworkError

_PORTS: Final = {"http": 80, "https": 443}
_USER_INFO: Final = re.compile(r"(?<=//)[^/?#]*@")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\x9f]")


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Scheme, host and port: what credentials belong to (RFC 6454)."""

    scheme: str
    host: str
    port: int


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A URL of HTTP whose user info was taken out of it."""

    url: str
    """Without user info and fragment."""

    origin: Origin

    user: str | None = None
    """The user info's own name and password, unquoted."""

    password: str = ""


def redacted(url: str) -> str:
    """Return *url* as it may be shown: without user info, query and fragment, and not longer than a line.

    A query is left out since signed URLs carry their secret there.

    >>> redacted("https://me:secret@index.example/simple/?token=x#y")
    'https://index.example/simple/'
    """
    bare = re.split(r"[?#]", _USER_INFO.sub("", url), maxsplit=1)[0]
    return _UNPRINTABLE.sub("�", bare)[:300]


def locate(url: str) -> Location:
    """Take *url* apart, or raise `NetworkError` if it is not one that can be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise NetworkError(f"`{redacted(url)}` is not a URL", causes=(str(error),)) from None
    if parts.scheme not in _PORTS:
        raise NetworkError(
            f"cannot fetch `{redacted(url)}`", causes=(f"the scheme `{parts.scheme}` is not http, https or file",)
        )
    if not parts.hostname or _UNPRINTABLE.search(url):
        raise NetworkError(f"`{redacted(url)}` is not a URL", causes=("it has no host, or has spaces",))
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port is None else f"{host}:{port}"
    return Location(
        url=urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, "")),
        origin=Origin(scheme=parts.scheme, host=parts.hostname, port=port or _PORTS[parts.scheme]),
        user=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password or ""),
    )


def redirected(source: Location, target: str) -> Location:
    """Return where a redirect from *source* leads. It never leads from https to http, nor brings a user with it."""
    try:
        found = locate(urljoin(source.url, target))
    except ValueError as error:
        raise NetworkError(
            f"cannot fetch `{redacted(source.url)}`", causes=(f"it redirects to what is not a URL: {error}",)
        ) from None
    if source.origin.scheme == "https" and found.origin.scheme == "http":
        raise NetworkError(
            f"cannot fetch `{redacted(source.url)}`",
            causes=(f"it redirects to `{redacted(found.url)}`, which is not encrypted",),
        )
    return msgspec.structs.replace(found, user=None, password="")


def proxy_for(location: Location, proxies: Mapping[str, str]) -> str | None:
    """Return the proxy for *location* out of `http`, `https`, `all` and `no`, as `urllib.request.getproxies` has them.

    >>> proxy_for(locate("http://a.example/"), {"http": "http://proxy.example:3128", "no": "example.org,.example"})
    >>> proxy_for(locate("http://a.example/"), {"http": "http://proxy.example:3128"})
    'http://proxy.example:3128'
    """
    proxy = proxies.get(location.origin.scheme) or proxies.get("all")
    if not proxy or any(_spared(location.origin, item.strip()) for item in proxies.get("no", "").split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _spared(origin: Origin, item: str) -> bool:
    """Tell whether *item* of NO_PROXY names *origin*: `*`, a host or its domain, an address, a network, with a port."""
    if item in {"", "*"}:
        return item == "*"
    if _in_network(origin.host, item):
        return True
    name, colon, port = item.rpartition(":")
    if colon and port.isdigit() and "]" not in port:
        if int(port) != origin.port:
            return False
        item = name
    item = item.strip("[]").lower().lstrip(".").removeprefix("*.")
    host = origin.host.rstrip(".")
    return host == item or host.endswith("." + item)


def _in_network(host: str, item: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(item, strict=False)
    except ValueError:
        return False
