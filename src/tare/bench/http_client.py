"""The smallest client of HTTP/1.1 that keeps connections open: a load generator must cost less than what it measures."""

from __future__ import annotations

import asyncio


class Connection(asyncio.Protocol):
    """One connection, on which one request is under way at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._data = b""
        self._status = 0
        self._body = -1
        """Where the body begins; below 0 while the head is not whole."""
        self._length = 0

    @property
    def closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    async def get(self, head: bytes) -> tuple[int, bytes]:
        """Send a request, which *head* is the whole of, and return status and body."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._data, self._body = b"", -1
        self._transport.write(head)
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream, which is what we asked for

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._body < 0:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            try:
                self._read_head(self._data[:end])
            except (ValueError, IndexError):
                self._fail(ConnectionResetError("the answer is not HTTP/1.1 with a length"))
                self.close()
                return
            self._body = end + 4
        if len(self._data) - self._body >= self._length and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((self._status, self._data[self._body : self._body + self._length]))

    def _read_head(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        self._status = int(lines[0].split(b" ", 2)[1])
        lengths = [line[15:] for line in lines[1:] if line[:15].lower() == b"content-length:"]
        self._length = int(lengths[0]) if lengths else _none()

    def _fail(self, error: Exception) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


def _none() -> int:
    raise ValueError("no length")


def request(host: str, path: str) -> bytes:
    """Return a whole GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode()


async def connect(host: str, port: int) -> Connection:
    """Return an open connection."""
    _, protocol = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return protocol
