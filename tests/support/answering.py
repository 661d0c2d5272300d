"""A service for load generators: as fast as can be, but for the silence that is asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Service:
    """Answers at once; but for *stall* seconds, after *healthy* ones, it does not answer at all."""

    def __init__(
        self, *, healthy: float = 0.0, stall: float = 0.0, status: int = 200, from_first: bool = False
    ) -> None:
        self._healthy, self._stall, self._status = healthy, stall, status
        self._from_first = from_first
        """Whether its time begins with the first request, instead of with the service."""
        self.requests = 0
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        server = await loop.create_server(lambda: Answering(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    def silence(self, now: float) -> float:
        """Return the seconds until the service answers again."""
        if self._from_first:
            self._from_first, self._began = False, now
        since = now - self._began - self._healthy
        return self._stall - since if self._stall and 0 <= since < self._stall else 0.0

    @property
    def answer(self) -> bytes:
        return f"HTTP/1.1 {self._status} X\r\nContent-Length: 2\r\n\r\nok".encode()


class Answering(asyncio.Protocol):
    """One connection of the service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(self._service.silence(loop.time()), self._answer)

    def _answer(self) -> None:
        self._service.requests += 1
        if not self._transport.is_closing():
            self._transport.write(self._service.answer)
