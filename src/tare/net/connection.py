"""One connection: a request is sent on it, and the head of the answer is waited for.

An answer may come before the request has ended, or together with the end of the connection; both are looked for, since
a registry that refuses an upload says why in this way.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from tare.errors import IntegrityError
from tare.net.dial import fault_of
from tare.net.wire import Fault, Head, Reader, read_head

_PIECE: Final = 256 * 1024
_INTERIM: Final = 16
"""Answers of the 1xx kind before the one that counts."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, in seconds."""

    connect: float = 10.0

    answer: float = 60.0
    """From the end of a request to the end of the answer's head."""

    silence: float = 30.0
    """Between two pieces of a body, and for each 256 KiB that is sent."""

    rate: int = 1024
    """Bytes a second: a slower answer is given up."""

    window: float = 30.0
    """Over which the rate is measured."""


class Stream(Protocol):
    """Bytes that are read once, from their start to their end."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request."""

    size: int

    open: Callable[[], Stream]
    """Gives a stream of exactly *size* bytes from their start."""


class StaleError(Exception):
    """The connection ended before anything of an answer came."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class _SendError(Exception):
    """The other side does not take what is sent. Not an `OSError`, as reading what to send may raise those."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Connection:
    """A socket, and how far the exchange on it has come."""

    def __init__(self, sock: socket.socket, peer: str, *, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._sock = sock
        self._limits = limits
        self._monotonic = monotonic
        self._deadline: float | None = None
        self._waited = 0.0
        self.received = 0
        """Bytes of the body in this window."""
        self.complete = True
        """Whether the request was sent to its end."""
        self.reader = Reader(self._receive)
        self._plain = type(sock) is socket.socket
        self.peer = peer
        """The IP address at the other end; empty when only a proxy knows it."""

    def close(self) -> None:
        self._sock.close()

    def readable(self) -> bool:
        """Return whether there is something to read now: in between exchanges that is the end, or rubbish."""
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            return bool(poll.poll(0))
        return bool(select.select([self._sock], [], [], 0)[0])

    def exchange(self, head: bytes, content: bytes | Content | None, patience: float) -> Head:
        """Send a request and return the head of its answer."""
        self.complete = False
        early = None
        self._sock.settimeout(self._limits.silence)
        try:
            if isinstance(content, Content):
                self._send(head)
                early = self._stream(content)
            else:
                self._send(head + content if content else head)
        except _SendError as broken:
            early = self._last_words(broken.error)
        self.complete = early is None
        return early or self._read_final(patience)

    def read_body(self) -> None:
        """From now on, what is read is a body: the wait is for the next piece, and the rate counts."""
        self._deadline = None
        self._waited, self.received = 0.0, 0
        self._sock.settimeout(self._limits.silence)

    def _send(self, data: bytes) -> None:
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise _SendError(error) from None

    def _read_final(self, patience: float) -> Head:
        self._deadline = self._monotonic() + self._limits.answer * patience
        for _ in range(_INTERIM):
            try:
                head = read_head(self.reader)
            except OSError as error:
                fault = fault_of(error, "the server did not answer")
                raise (fault if isinstance(error, TimeoutError) else StaleError(fault)) from None
            if head is None:
                raise StaleError(Fault("the connection ended before the answer", transient=True))
            if head.status == 101:
                raise Fault("the server wants to speak another protocol", transient=False)
            if head.status >= 200:
                return head
        raise Fault(f"the server sent {_INTERIM} interim answers", transient=False)

    def _stream(self, content: Content) -> Head | None:
        """Send a body. The head of an answer that comes before its end ends it, and is returned.

        The last piece is kept back until the stream has ended: one that checks its bytes can then still object.
        """
        sent = 0
        with contextlib.closing(content.open()) as stream:
            piece = stream.read(_PIECE)
            while piece:
                following = stream.read(_PIECE)
                if sent + len(piece) > content.size or (not following and sent + len(piece) < content.size):
                    raise _wrong_size(content, sent + len(piece))
                self._send(piece)
                sent += len(piece)
                piece = following
                if piece and self._plain and self.readable() and (early := self._interrupted()):
                    return early
        if sent != content.size:
            raise _wrong_size(content, sent)
        return None

    def _interrupted(self) -> Head | None:
        """Read what came while we are still sending; None if it is no answer yet."""
        self._deadline = self._monotonic() + self._limits.answer
        try:
            head = read_head(self.reader)
        except OSError as error:
            raise fault_of(error, "the server went silent") from None
        if head is None:
            raise Fault("the connection ended before the request did", transient=True)
        self._sock.settimeout(self._limits.silence)
        if head.status < 200:
            return None
        if head.status < 400:
            raise Fault(f"the server answered {head.status} before the request had ended", transient=False)
        return head

    def _last_words(self, error: OSError) -> Head:
        """Return the answer that a server gave before it hung up on us, if there is one."""
        fault = fault_of(error, "the server stopped reading")
        if isinstance(error, TimeoutError):
            raise fault from None
        self._deadline = self._monotonic() + 1.0
        try:
            head = read_head(self.reader)
        except (OSError, Fault):
            head = None
        if head is None:
            raise StaleError(fault) from None
        if head.status < 400:
            raise fault from None
        return head

    def _receive(self, size: int) -> bytes:
        """Wait for bytes: up to the deadline, or in a body for as long as enough of them come.

        Only the time spent waiting counts, since whoever reads may have other work.
        """
        started = self._monotonic()
        if self._deadline is not None:
            if started >= self._deadline:
                raise TimeoutError
            self._sock.settimeout(self._deadline - started)
        elif self._waited >= self._limits.window:
            if self.received < self._waited * self._limits.rate:
                raise Fault(f"the server sends less than {self._limits.rate} bytes a second", transient=True)
            self._waited, self.received = 0.0, 0
        data = self._sock.recv(size)
        self._waited += self._monotonic() - started
        return data


def _wrong_size(content: Content, got: int) -> IntegrityError:
    more = "at least " if got > content.size else ""
    return IntegrityError(
        "what should be sent has changed", causes=(f"expected {content.size:,} bytes, got {more}{got:,}",)
    )
