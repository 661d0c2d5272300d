"""A proxy that breaks connections: the eight ways of Shopify's toxiproxy, aimed at one request of a run.

It passes bytes on and knows of HTTP only where a request begins, so that a fault can hit the first, a middle or the
last one.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Literal, NamedTuple

_request = re.compile(rb"(?:GET|HEAD|PUT|POST|PATCH|DELETE) /")

Kind = Literal["none", "latency", "down", "bandwidth", "slow_close", "timeout", "reset", "slice", "limit"]
Direction = Literal["up", "down"]


class Fault(NamedTuple):
    """What goes wrong, on the way to the server (`up`) or from it (`down`)."""

    kind: Kind
    direction: Direction = "down"

    amount: float = 0.0
    """Seconds, bytes, bytes a second, or refused connections, as the kind needs it."""


NONE = Fault("none")


class Proxy:
    """Passes connections on to *port*, and does *fault* to the request of the given *number*, *times* times."""

    def __init__(self, port: int, fault: Fault = NONE, *, number: int = 1, times: int = 1) -> None:
        self._target = port
        self._fault = fault
        self._number = number
        self._times = times
        self._refuse = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests = 0
        self.hits = 0
        """How often the fault happened."""
        self.passed = 0
        """Bytes that came from the server."""
        self._sockets: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                refused = self._refuse > 0
                self._refuse -= refused
            if refused:
                _reset(client)
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target))
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.add(sock)
        link = _Link(self, client, server)
        back = threading.Thread(target=link.down, daemon=True)
        back.start()
        link.up()
        back.join()
        self._sockets -= {client, server}
        client.close()
        server.close()

    def hit(self) -> Fault:
        """Count a request, and return what shall happen to it."""
        with self._lock:
            self.requests += 1
            if not self._number <= self.requests < self._number + self._times or self._fault.kind == "none":
                return NONE
            self.hits += 1
            if self._fault.kind == "down":
                self._refuse = int(self._fault.amount)
            return self._fault

    def wait(self, seconds: float) -> None:
        self._stopping.wait(seconds)


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._fault = NONE
        self._left = 0

    def up(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(65536):
                if _request.match(data):
                    self._fault = self._proxy.hit()
                    self._left = int(self._fault.amount)
                if not self._pass(data, self._server, "up"):
                    break
        self._end(self._server)

    def down(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                self._proxy.passed += len(data)
                if not self._pass(data, self._client, "down"):
                    break
            if self._fault.kind == "slow_close":
                self._proxy.wait(self._fault.amount)
        self._end(self._client)

    def _pass(self, data: bytes, to: socket.socket, direction: Direction) -> bool:
        """Send *data* on, or what the fault leaves of it. Returns whether the connection lives."""
        fault = self._fault
        if fault.kind == "down":
            return self._break()
        if fault.direction != direction:
            to.sendall(data)
            return True
        if fault.kind in {"reset", "limit"} and len(data) >= self._left:
            to.sendall(data[: self._left])
            return self._break(hard=fault.kind == "reset")
        self._left -= len(data)
        if fault.kind == "timeout":
            self._proxy.wait(fault.amount)
            return self._break()
        if fault.kind == "latency":
            self._proxy.wait(fault.amount)
        for piece in _pieces(data, fault):
            to.sendall(piece)
            if fault.kind == "bandwidth":
                self._proxy.wait(len(piece) / fault.amount)
        return True

    def _break(self, *, hard: bool = False) -> bool:
        for sock in (self._client, self._server):
            if hard:
                _reset(sock)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        return False

    @staticmethod
    def _end(to: socket.socket) -> None:
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)


def _pieces(data: bytes, fault: Fault) -> Iterator[bytes]:
    size = {"slice": int(fault.amount), "bandwidth": 4096}.get(fault.kind, len(data)) or 1
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def faulty(port: int, fault: Fault = NONE, *, number: int = 1, times: int = 1) -> Iterator[Proxy]:
    """Run a proxy for the length of a block."""
    proxy = Proxy(port, fault, number=number, times=times)
    try:
        yield proxy
    finally:
        proxy.close()
