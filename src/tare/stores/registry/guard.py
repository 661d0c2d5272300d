"""Where a registry may send its clients. It names token services, uploads and downloads, and could name anything.

Never from https to http. Never into a network that is more private than the registry itself: otherwise a public
registry could have a build machine ask its own cloud's metadata service (CVE-2020-15157 was of this family).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tare.net.address import Address
from tare.net.dial import is_loopback
from tare.net.wire import Fault

PUBLIC: Final = 0
PRIVATE: Final = 1
LOOPBACK: Final = 2
NOWHERE: Final = 3
"""Link-local (where clouds have their metadata), multicast, unspecified, reserved."""


def class_of(address: str) -> int:
    """Return how far the IP *address* can be seen from.

    >>> [class_of(a) for a in ("9.9.9.9", "10.0.0.1", "127.1.2.3", "169.254.169.254", "::ffff:127.0.0.1")]
    [0, 1, 2, 3, 2]
    """
    import ipaddress  # 3 ms, and honest registries seldom send anyone elsewhere

    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return NOWHERE
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):  # NAT64, RFC 6052
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    if ip.is_loopback:
        return LOOPBACK
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return NOWHERE
    if ip.is_private or not ip.is_global:
        return PRIVATE
    return PUBLIC


def permit_from(home: Address, peer: str | None, target: Address) -> Callable[[str], bool] | None:
    """Return the test for addresses of *target*, which a registry at *home* named; None if it needs none.

    *peer* is the IP address that answered for *home*, if that is known. Raises `Fault` when no address could be right.
    """
    check_scheme(home, target)
    if target.host == home.host:
        return None
    ours = LOOPBACK if is_loopback(home.host) else class_of(peer) if peer else PUBLIC

    def permit(address: str) -> bool:
        found = class_of(address)
        return found == PUBLIC or (found == ours and found != NOWHERE)

    if is_loopback(target.host):
        refused = not permit("127.0.0.1")
    else:
        refused = _is_literal(target.host) and not permit(target.host)
    if refused:
        raise Fault(f"it leads to `{target.netloc}`, where a registry must not send anyone", transient=False)
    return permit


def check_scheme(home: Address, target: Address) -> None:
    """Raise `Fault` if *target* would be spoken to in plain text by who came encrypted."""
    if home.scheme == "https" and target.scheme == "http":
        raise Fault(f"it leads to `{target.shown}`, which is not encrypted", transient=False)


def _is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
