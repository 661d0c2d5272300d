"""Connections, made: a socket to a host or through a proxy, encrypted when the address says so.

Nothing is read from the environment. Encryption is TLS 1.2 or newer and is never given up for plain text.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tare.net.address import Address
from tare.net.wire import Fault, Reader, read_head

if TYPE_CHECKING:
    import ssl

    from tare.net.urls import Location

Permit = Callable[[str], bool]
"""Tells whether an IP address may be connected to."""

_IMPATIENT: Final = 4.0
"""Seconds for an address of a host that has others: IPv6 that leads nowhere is common."""


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to trust, and how to identify to them."""

    ca_file: Path | None = None
    """Certificates in the place of those that the system trusts."""

    ca_directory: Path | None = None
    """The same, as a directory with hashed names."""

    extra: tuple[Path, ...] = ()
    """Files of certificates that are trusted besides."""

    certificate: Path | None = None
    """The client's own certificate."""

    key: Path | None = None
    """The client's key, when it is not in the same file."""

    verify: bool = True
    """False for a registry that was named as insecure."""


class Dialer:
    """Makes connections. *tls* tells for each address whom to trust there."""

    def __init__(self, *, tls: Callable[[Address], Tls], proxies: Mapping[str, str], timeout: float) -> None:
        self._tls = tls
        self._proxies = proxies
        self._timeout = timeout
        self._contexts: dict[Tls, ssl.SSLContext] = {}

    def proxy_for(self, address: Address) -> Location | None:
        """Return the proxy for *address*. Loopback is never asked of a proxy, whose loopback is another one."""
        if not self._proxies or is_loopback(address.host):
            return None
        from tare.net import urls

        proxy = urls.proxy_for(urls.locate(str(address)), self._proxies)
        return urls.locate(proxy) if proxy else None

    def connect(self, address: Address, permit: Permit | None) -> tuple[socket.socket, str]:
        """Return a socket on which requests for *address* can be sent, and the IP address at its other end.

        The IP address is empty when a proxy is in between, which alone knows it.
        """
        context = self._context(self._tls(address)) if address.scheme == "https" else None
        proxy = self.proxy_for(address)
        if proxy is None:
            sock, peer = self._open(address.host, address.port, permit)
        else:
            sock, peer = self._open_proxy(proxy, address), ""
        if context is None:
            return sock, peer
        from tare.net.encryption import encrypt

        return encrypt(sock, address.host, context, self._timeout), peer

    def _open(self, host: str, port: int, permit: Permit | None) -> tuple[socket.socket, str]:
        try:
            # As bytes a name is not looked at for letters beyond ASCII, which costs 2 ms to import.
            name = host.encode("ascii") if host.isascii() else host
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            again = getattr(error, "errno", None) == socket.EAI_AGAIN
            raise Fault("the host's name is not known", transient=again, kind="name") from None
        last: OSError | None = None
        for number, (family, kind, protocol, _, place) in enumerate(found):
            if permit is not None and not permit(str(place[0])):
                raise Fault(f"it leads to {place[0]}, where a registry must not send anyone", transient=False)
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(min(self._timeout, _IMPATIENT) if number + 1 < len(found) else self._timeout)
                sock.connect(place)
            except OSError as error:
                sock.close()
                last = error
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock, str(place[0])
        raise fault_of(last or OSError("it has no address"), "the connection timed out")

    def _open_proxy(self, proxy: Location, address: Address) -> socket.socket:
        """Return a socket to *proxy*; for an encrypted *address*, with a tunnel through it."""
        if proxy.origin.scheme == address.scheme == "https":
            raise Fault("a proxy that is spoken to by TLS cannot carry TLS", transient=False)
        try:
            sock, _ = self._open(proxy.origin.host, proxy.origin.port, None)
            if proxy.origin.scheme == "https":
                from tare.net.encryption import encrypt

                there = Address(scheme="https", host=proxy.origin.host, port=proxy.origin.port)
                sock = encrypt(sock, there.host, self._context(self._tls(there)), self._timeout)
        except Fault as fault:
            place = f"{proxy.origin.host}:{proxy.origin.port}"
            raise Fault(f"the proxy `{place}`: {fault.reason}", transient=fault.transient, hints=fault.hints) from None
        if address.scheme == "https":
            try:
                self._tunnel(sock, proxy, address)
            except BaseException:
                sock.close()
                raise
        return sock

    def _tunnel(self, sock: socket.socket, proxy: Location, address: Address) -> None:
        host = f"[{address.host}]" if ":" in address.host else address.host
        place = f"{host}:{address.port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if authorization := proxy_authorization(proxy):
            lines.append(f"Proxy-Authorization: {authorization}")
        sock.settimeout(self._timeout)
        try:
            sock.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
            reader = Reader(sock.recv)
            head = read_head(reader)
        except OSError as error:
            raise fault_of(error, "the proxy went silent") from None
        if head is None:
            raise Fault("the proxy ended the connection", transient=True)
        if not 200 <= head.status < 300 or reader.pending:
            raise Fault(f"the proxy answered {head.status} to CONNECT", transient=head.status in {502, 503, 504})

    def _context(self, tls: Tls) -> ssl.SSLContext:
        context = self._contexts.get(tls)
        if context is None:
            from tare.net.encryption import make_context

            context = self._contexts[tls] = make_context(tls)
        return context


def fault_of(error: OSError, silent: str) -> Fault:
    """Return what happened to a connection, in words. *silent* is what to say when time ran out."""
    if isinstance(error, TimeoutError):
        return Fault(silent, transient=True)
    if isinstance(error, ConnectionRefusedError):
        return Fault("the connection was refused", transient=True, kind="refused")
    if isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)):
        return Fault("the connection was reset", transient=True)
    return Fault((error.strerror or str(error) or type(error).__name__).lower(), transient=True)


def proxy_authorization(proxy: Location) -> str | None:
    """Return what to tell *proxy*, when its URL has a user."""
    return None if proxy.user is None else basic(proxy.user, proxy.password)


def basic(user: str, password: str) -> str:
    """Return credentials as RFC 7617 encodes them."""
    import binascii

    return "Basic " + binascii.b2a_base64(f"{user}:{password}".encode(), newline=False).decode("ascii")


def is_loopback(host: str) -> bool:
    """Return whether *host* can only be this machine: `localhost`, 127.0.0.0/8 or ::1.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "127.example", "localhost.example")]
    [True, True, True, False, False]
    """
    if host in {"localhost", "::1"}:
        return True
    if host.startswith("127."):
        with contextlib.suppress(OSError):
            return len(socket.inet_aton(host)) == 4 and host.count(".") == 3
    return False
