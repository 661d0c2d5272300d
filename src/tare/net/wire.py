"""HTTP/1.1 as it stands on the wire: heads, and bodies by length, in chunks, or to the end (RFC 9112).

Strict where leniency is how two readers come to see two messages: bare line feeds, folded fields, two lengths, a
length beside chunks are refused. So are answers of any length that nobody asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal

MAX_HEAD: Final = 64 * 1024
"""Bytes of status line and fields together."""

MAX_FIELDS: Final = 256
_MAX_LINE: Final = 4096
"""Bytes of the line before a chunk."""

_RECEIVE: Final = 256 * 1024
_status_line = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_field = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*"
)
_chunk_size = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class Fault(Exception):  # noqa: N818  # it is not an error yet: whoever asked decides, and names the request
    """An exchange failed. *reason* says how, in words that can follow `GET URL:`."""

    def __init__(
        self,
        reason: str,
        *,
        transient: bool,
        hints: tuple[str, ...] = (),
        kind: Literal["", "name", "refused", "tls"] = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient
        """Whether the same request may go well at another time."""
        self.hints = hints
        self.kind = kind
        """What whoever asked may know a way out of: a host that is not there, or one that does not speak TLS."""


class Fields:
    """The fields of a head. Names are compared without case; values of one name are joined as a list."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def all(self, name: str) -> list[str]:
        """Return the values of each field called *name*, in order."""
        name = name.lower()
        return [value for key, value in self._pairs if key == name]

    def get(self, name: str, default: str = "") -> str:
        """Return the values of the fields called *name* as one."""
        values = self.all(name)
        return ", ".join(values) if values else default

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)


class Reader:
    """Reads what *receive* gives, which is a socket's `recv` or wraps it."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._pending = b""

    @property
    def pending(self) -> bool:
        """Whether bytes were received that nobody asked for yet."""
        return bool(self._pending)

    def some(self, size: int) -> bytes:
        """Return up to *size* bytes, and none only at the end."""
        if self._pending:
            data, self._pending = self._pending[:size], self._pending[size:]
            return data
        return self._receive(min(size, _RECEIVE))

    def until(self, end: bytes, limit: int, what: str) -> bytes | None:
        """Return what comes before *end*, of which there must be no more than *limit* bytes. None at a clean end."""
        data = self._pending
        start = 0
        while (found := data.find(end, start)) < 0:
            if len(data) > limit:
                raise Fault(f"{what} has more than {limit} bytes", transient=False)
            start = max(0, len(data) - len(end) + 1)
            more = self._receive(16 * 1024)
            if not more:
                if data:
                    raise Fault(f"the connection ended within {what}", transient=True)
                return None
            data += more
        if found > limit:
            raise Fault(f"{what} has more than {limit} bytes", transient=False)
        self._pending = data[found + len(end) :]
        return data[:found]


class Head:
    """The status and the fields of an answer."""

    def __init__(self, minor: int, status: int, fields: Fields) -> None:
        self.status = status
        self.fields = fields
        connection = [word.strip().lower() for word in fields.get("connection").split(",")]
        self.persistent = "close" not in connection and (minor == 1 or "keep-alive" in connection)
        """Whether the server says that the connection stays."""
        self.minor = minor


def read_head(reader: Reader) -> Head | None:
    """Read the head of the next answer; None if the connection ended before it."""
    raw = reader.until(b"\r\n\r\n", MAX_HEAD, "the head of the answer")
    if raw is None:
        return None
    lines = raw.split(b"\r\n")
    found = _status_line.fullmatch(lines[0])
    if found is None:
        raise Fault("the answer is not HTTP", transient=False)
    if len(lines) > MAX_FIELDS + 1:
        raise Fault(f"the answer has more than {MAX_FIELDS} fields", transient=False)
    return Head(int(found[1]), int(found[2]), Fields([_read_field(line) for line in lines[1:]]))


def _read_field(line: bytes) -> tuple[str, str]:
    if line[:1] in {b" ", b"\t"}:
        raise Fault("the answer has a folded field, which RFC 9112 forbids", transient=False)
    found = _field.fullmatch(line)
    if found is None:
        raise Fault("the answer has a field that is not sound", transient=False)
    return found[1].decode("ascii").lower(), found[2].decode("latin-1")


def check_coding(head: Head) -> None:
    """Refuse an encoded body. Nobody asked for it, and what it hides is not what a digest is of."""
    coding = head.fields.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise Fault(f"the answer is encoded as `{coding[:40]}`, which was not asked for", transient=False)


def body_length(head: Head, method: str) -> int | None:
    """Return how many bytes follow; -1 for chunks, None for all until the connection ends."""
    length = stated_length(head)
    codings = head.fields.all("transfer-encoding")
    if codings and length is not None:
        raise Fault("the answer has both a length and a transfer coding", transient=False)
    if codings and ([coding.strip().lower() for coding in codings] != ["chunked"] or head.minor == 0):
        raise Fault("the answer has a transfer coding that was not asked for", transient=False)
    if method == "HEAD" or head.status in {204, 304}:
        return 0
    return -1 if codings else length


def stated_length(head: Head) -> int | None:
    """Return `Content-Length`, which the answer to a HEAD has without a body."""
    lengths = {value.strip() for text in head.fields.all("content-length") for value in text.split(",")}
    return _one_length(lengths) if lengths else None


def _one_length(lengths: set[str]) -> int:
    text = min(lengths)
    if len(lengths) > 1 or not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise Fault("the answer has no single length", transient=False)
    return int(text)


class Body:
    """What follows a head. `read1` gives it piece by piece, and nothing at its sound end."""

    def __init__(self, reader: Reader, length: int | None) -> None:
        self._reader = reader
        self._chunked = length == -1
        self._left = 0 if self._chunked else length
        self._total = length
        self.ended = length == 0

    def read1(self, size: int) -> bytes:
        """Return up to *size* bytes."""
        if self.ended:
            return b""
        if self._chunked:
            return self._read_chunked(size)
        data = self._reader.some(size if self._left is None else min(size, self._left))
        if not data:
            if self._left is not None:
                raise self._short()
            self.ended = True
            return b""
        if self._left is not None:
            self._left -= len(data)
            self.ended = self._left == 0
        return data

    def _read_chunked(self, size: int) -> bytes:
        if not self._left:
            self._left = self._next_chunk()
            if self._left == 0:
                self._skip_trailers()
                self.ended = True
                return b""
        data = self._reader.some(min(size, self._left))
        if not data:
            raise Fault("the connection ended within a chunk", transient=True)
        self._left -= len(data)
        if self._left == 0:
            self._expect_line_end()
        return data

    def _next_chunk(self) -> int:
        line = self._reader.until(b"\r\n", _MAX_LINE, "the line before a chunk")
        if line is None:
            raise Fault("the connection ended between two chunks", transient=True)
        found = _chunk_size.fullmatch(line)
        if found is None:
            raise Fault("the answer has a chunk without a size", transient=False)
        return int(found[1], 16)

    def _expect_line_end(self) -> None:
        end = self._reader.until(b"\r\n", 0, "the end of a chunk")
        if end is None:
            raise Fault("the connection ended after a chunk", transient=True)

    def _skip_trailers(self) -> None:
        for _ in range(MAX_FIELDS):
            line = self._reader.until(b"\r\n", _MAX_LINE, "a trailer")
            if line is None:
                raise Fault("the connection ended within the trailers", transient=True)
            if not line:
                return
            _read_field(line)
        raise Fault(f"the answer has more than {MAX_FIELDS} trailers", transient=False)

    def _short(self) -> Fault:
        got = (self._total or 0) - (self._left or 0)
        return Fault(f"the connection ended after {got:,} of {self._total:,} bytes", transient=True)
