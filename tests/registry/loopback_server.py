"""An HTTP server on loopback that shows a test the wire: requests as they came, answers as they shall go out.

`http.server` is too polite for that: it decides about lengths, closing and errors by itself.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

_PIECE = 256 * 1024


class Seen:
    """What a test may ask about a request afterwards."""

    def __init__(self, method: str, target: str, headers: dict[str, str]) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.received = 0
        """Bytes of the body that were read."""

    @property
    def line(self) -> str:
        return f"{self.method} {self.target}"

    def __repr__(self) -> str:
        return self.line


class Request:
    """A request whose body may still be coming."""

    def __init__(self, seen: Seen, stream: BinaryIO) -> None:
        self.seen = seen
        self.method = seen.method
        self.headers = seen.headers
        parts = urlsplit(seen.target)
        self.path = unquote(parts.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.left = int(self.headers.get("content-length", "0"))
        self._stream = stream

    def pieces(self) -> Iterator[bytes]:
        """Yield the body."""
        while self.left:
            data = self._stream.read1(min(self.left, _PIECE))  # type: ignore[attr-defined]  # it is a buffered reader
            if not data:
                raise ConnectionError("the client hung up")
            self.left -= len(data)
            self.seen.received += len(data)
            yield data

    def body(self) -> bytes:
        return b"".join(self.pieces())


class Reply:
    """An answer. A body that is not bytes is sent piece by piece, and needs its *length*."""

    def __init__(
        self,
        status: int,
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
        *,
        length: int | None = None,
    ) -> None:
        self.status = status
        self.headers = {"Content-Type": "application/json", **(headers or {})} if body else dict(headers or {})
        self.body = body
        if length is None and isinstance(body, bytes):
            length = len(body)
        self.length = length
        self.close = False

    def head(self) -> bytes:
        headers = dict(self.headers)
        if self.length is not None:
            headers.setdefault("Content-Length", str(self.length))
        if self.close:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {self.status} Whatever", *(f"{name}: {value}" for name, value in headers.items() if value)]
        return "\r\n".join((*lines, "", "")).encode("latin-1")

    def pieces(self) -> Iterator[bytes]:
        if isinstance(self.body, bytes):
            if self.body:
                yield self.body
        else:
            yield from self.body


class Exchange:
    """One request in the hands of a handler, with the socket to answer on."""

    def __init__(self, request: Request, sock: socket.socket) -> None:
        self.request = request
        self.sock = sock
        self.closed = False

    def send(self, reply: Reply) -> None:
        """Answer as one should."""
        for _ in self.request.pieces():
            pass
        self.sock.sendall(reply.head())
        if self.request.method != "HEAD":
            for piece in reply.pieces():
                self.sock.sendall(piece)
        self.closed = self.closed or reply.close

    def send_raw(self, data: bytes) -> None:
        """Send *data*, whatever it is, and end the connection soundly."""
        with contextlib.suppress(OSError):
            self.sock.sendall(data)
        self.closed = True

    def reset(self) -> None:
        """End the connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.closed = True


Handler = Callable[[Exchange], None]


class Server:
    """Accepts connections and gives each request to *handle*."""

    def __init__(self, handle: Handler, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.handle = handle
        self.context = context
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.host = f"[{host}]" if ":" in host else host
        self.requests: list[Seen] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://{self.name}"

    @property
    def lines(self) -> list[str]:
        """The request lines, in the order in which they came."""
        return [seen.line for seen in self.requests]

    def close(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError, ssl.SSLError):
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(sock)
            with sock.makefile("rb") as stream:
                while not self.stopping.is_set() and self._one(sock, stream):
                    pass
        self._open.discard(sock)
        sock.close()

    def _one(self, sock: socket.socket, stream: BinaryIO) -> bool:
        line = stream.readline(65536).decode("latin-1").strip()
        if not line:
            return False
        method, target, _ = line.split(" ")
        headers: dict[str, str] = {}
        while field := stream.readline(65536).decode("latin-1").strip():
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        seen = Seen(method, target, headers)
        self.requests.append(seen)
        exchange = Exchange(Request(seen, stream), sock)
        self.handle(exchange)
        if exchange.request.left:
            return False
        return not exchange.closed


@contextlib.contextmanager
def serving(handle: Handler, *, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Server]:
    """Run a server for the length of a block."""
    server = Server(handle, context=context, host=host)
    try:
        yield server
    finally:
        server.close()
