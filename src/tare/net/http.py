"""A small HTTP/1.1 client for registries: connections that stay, bodies that stream, nothing that follows by itself.

Why it is ours, with figures: `docs/http.md`. One exchange is one `send`. Redirects, retries and credentials are for
the caller to decide about, who knows what they mean; this module knows what is on the wire.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

from tare.net.address import Address
from tare.net.connection import Connection, Content, Limits, StaleError
from tare.net.dial import Dialer, Permit, Tls, fault_of, proxy_authorization
from tare.net.wire import Body, Fault, Fields, Head, body_length, check_coding, stated_length

_PIECE: Final = 256 * 1024
_DISCARDED: Final = 64 * 1024
_IDLE_CONNECTIONS: Final = 16
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods that mean the same when they arrive twice (RFC 9110 §9.2.2)."""


class Answer:
    """What came back. Its body must be read to the end, or closed."""

    def __init__(
        self, address: Address, head: Head, body: Body, connection: Connection, release: Callable[[Connection], None]
    ) -> None:
        self.address = address
        self.status = head.status
        self.fields: Fields = head.fields
        self._head = head
        self._body = body
        self.peer = connection.peer
        """The IP address that answered; empty when only a proxy knows it."""
        self._connection = connection
        self._release = release
        self._open = True
        self._finish()

    def read1(self, size: int = _PIECE) -> bytes:
        """Return the next piece of the body, and none at its end."""
        try:
            data = self._body.read1(size)
        except OSError as error:
            self.close()
            raise fault_of(error, "the server went silent") from None
        except Fault:
            self.close()
            raise
        self._connection.received += len(data)
        self._finish()
        return data

    def read(self, limit: int) -> bytes | None:
        """Return the whole body, or None when it has more than *limit* bytes."""
        length = self.length
        if length is not None and length > limit and not self._body.ended:
            self.close()
            return None
        pieces = []
        total = 0
        while data := self.read1(min(_PIECE, limit + 1)):
            pieces.append(data)
            total += len(data)
            if total > limit:
                self.close()
                return None
        return b"".join(pieces)

    def discard(self) -> None:
        """Read what little there is, so that the connection can stay, or let go of it."""
        try:
            self.read(_DISCARDED)
        except Fault:
            self.close()

    def close(self) -> None:
        """Let go of the connection, which is of no use when the body was not read."""
        if self._open:
            self._open = False
            self._connection.close()

    @property
    def length(self) -> int | None:
        """Bytes of the body as the server states them, also for a HEAD."""
        return stated_length(self._head)

    def _finish(self) -> None:
        if self._body.ended and self._open:
            self._open = False
            self._release(self._connection)


class Client:
    """Sends requests, from any number of threads."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        tls: Callable[[Address], Tls] = lambda _: Tls(),
        proxies: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        user_agent: str = "tare",
    ) -> None:
        """*tls* tells whom to trust where. *proxies* has the keys `http`, `https`, `all` and `no`."""
        self._limits = limits or Limits()
        self._monotonic = monotonic
        self._dialer = Dialer(tls=tls, proxies=proxies or {}, timeout=self._limits.connect)
        self._agent = user_agent
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        address: Address,
        fields: Mapping[str, str],
        content: bytes | Content | None = None,
        *,
        permit: Permit | None = None,
        patience: float = 1.0,
    ) -> Answer:
        """Send one request and return the head of its answer, with the body to come; or raise `Fault`.

        *permit* is asked about the IP address before a new connection. *patience* multiplies the time for the answer.
        """
        head = self._head(method, address, fields, content)
        while True:
            connection = self._take(address, permit)
            reused = connection is not None
            if connection is None:
                sock, peer = self._dialer.connect(address, permit)
                connection = Connection(sock, peer, limits=self._limits, monotonic=self._monotonic)
            try:
                answer = connection.exchange(head, content, patience)
            except StaleError as stale:
                # The server closed an idle connection just when we took it. Others may be as old.
                connection.close()
                if reused and method in _REPEATABLE and not isinstance(content, Content):
                    continue
                raise stale.fault from None
            except BaseException:
                connection.close()
                raise
            return self._answer(method, address, answer, connection)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _answer(self, method: str, address: Address, head: Head, connection: Connection) -> Answer:
        try:
            check_coding(head)
            body = Body(connection.reader, body_length(head, method))
        except BaseException:
            connection.close()
            raise
        keep = head.persistent and connection.complete
        connection.read_body()
        return Answer(address, head, body, connection, lambda done: self._release(address, done, keep=keep))

    def _head(self, method: str, address: Address, fields: Mapping[str, str], content: bytes | Content | None) -> bytes:
        target = address.target
        lines = [f"Host: {address.netloc}", f"User-Agent: {self._agent}", "Accept-Encoding: identity"]
        if address.scheme == "http" and (proxy := self._dialer.proxy_for(address)):
            target = str(address)
            if authorization := proxy_authorization(proxy):
                lines.append(f"Proxy-Authorization: {authorization}")
        lines += [f"{name}: {value}" for name, value in fields.items()]
        if content is not None:
            lines.append(f"Content-Length: {len(content) if isinstance(content, bytes) else content.size}")
        elif method in {"POST", "PUT", "PATCH"}:
            lines.append("Content-Length: 0")
        if not all(line.isprintable() and line.isascii() for line in lines):
            raise Fault("a field of the request has characters that HTTP cannot carry", transient=False)
        return "\r\n".join((f"{method} {target} HTTP/1.1", *lines, "", "")).encode("ascii")

    def _take(self, address: Address, permit: Permit | None) -> Connection | None:
        """Return an idle connection that is still alive."""
        while True:
            with self._lock:
                idle = self._idle.get(address.origin)
                connection = idle.pop() if idle else None
            if connection is None:
                return None
            if not connection.readable() and (not permit or not connection.peer or permit(connection.peer)):
                return connection
            connection.close()

    def _release(self, address: Address, connection: Connection, *, keep: bool) -> None:
        with self._lock:
            idle = self._idle.setdefault(address.origin, [])
            if keep and not connection.reader.pending and len(idle) < _IDLE_CONNECTIONS:
                idle.append(connection)
                return
        connection.close()
