"""A download, attempt by attempt: where to go on, and whether the server goes on there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tare.errors import IntegrityError
from tare.net import files
from tare.net.answers import content_range, describe, stated_length
from tare.net.part import Part
from tare.net.retry import Retry, TransientError
from tare.net.session import Session, cannot_fetch
from tare.net.urls import redacted

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_WHOLE: Final = frozenset({200})
_REST: Final = frozenset({200, 206, 416})
_LARGEST: Final = 64 * 1024**3
"""Bytes of a file whose size nobody stated."""


class Download:
    """Brings the bytes of *url* into *part*."""

    def __init__(
        self, session: Session, part: Part, url: str, *, size: int | None, report: Callable[[int], None]
    ) -> None:
        self._session = session
        self._part = part
        self._url = url
        self._size = size
        self._report = report
        self._furthest = part.size
        """Where the farthest attempt ended."""
        self._validator: dict[str, str] = {}
        """Names the version of the file that was begun, so that the rest is not that of another."""

    def restart(self) -> None:
        """Forget what came."""
        self._report(-self._part.size)
        self._part.restart()
        self._validator.clear()

    def run(self, retry: Retry) -> None:
        """Fetch what the part lacks."""
        if files.is_file(self._url):
            self.restart()
            for chunk in files.chunks(self._url, size=self._size):
                self._append(chunk)
            return
        if self._size is not None and self._part.size > self._size:
            self.restart()
        retry.run(self._attempt)

    def _attempt(self) -> None:
        if self._part.size and self._part.size == self._size:
            return  # it was complete when the last run was stopped
        before = self._part.size
        headers = {"Range": f"bytes={before}-", **self._validator} if before else {}
        answer = self._session.open(self._url, headers, accept=_REST if before else _WHOLE)
        end = self._end_of(answer)
        self._remember(answer)
        try:
            self._receive(answer, end)
        except TransientError as transient:
            # What came a second time, from a server without ranges, is no progress.
            transient.progress = self._part.size - self._furthest
            self._furthest = max(self._furthest, self._part.size)
            raise

    def _end_of(self, answer: BaseHTTPResponse) -> int | None:
        """Put the part where the answer begins, and return the size of the whole file if it is known."""
        stated = self._continued(answer) if answer.status == 206 else None
        if stated is None:
            self.restart()
            if answer.status != 200:  # ask for all of it
                answer.close()
                raise TransientError(cannot_fetch(self._url, f"the server answered {describe(answer)} to a range"))
            stated = stated_length(answer)
        if self._size is not None and stated not in {None, self._size}:
            answer.close()
            raise self._not_as_promised(f"expected {self._size:,} bytes, got {stated:,}")
        return stated if stated is not None else self._size

    def _continued(self, answer: BaseHTTPResponse) -> int | None:
        """Return the size of the file if the answer goes on where the part ends."""
        found = content_range(answer)
        if found is None or found[0] != self._part.size or found[1] != found[2]:
            return None
        self._part.resumed = self._part.resumed or self._part.size
        return found[2]

    def _receive(self, answer: BaseHTTPResponse, end: int | None) -> None:
        most = _LARGEST if end is None else end
        for chunk in self._session.chunks(answer, self._url):
            if self._part.size + len(chunk) > most:
                answer.close()
                raise self._not_as_promised(f"expected {most:,} bytes, got more")
            self._append(chunk)
        if end is not None and self._part.size < end:
            raise TransientError(
                cannot_fetch(self._url, f"the connection ended after {self._part.size:,} of {end:,} bytes")
            )

    def _append(self, chunk: bytes) -> None:
        self._part.write(chunk)
        self._report(len(chunk))

    def _remember(self, answer: BaseHTTPResponse) -> None:
        """Keep a validator. A weak entity tag must not be used with ranges (RFC 9110 §13.1.5)."""
        tag = answer.headers.get("ETag", "")
        validator = tag if tag.startswith('"') else answer.headers.get("Last-Modified")
        if validator:
            self._validator["If-Range"] = validator

    def _not_as_promised(self, cause: str) -> IntegrityError:
        return IntegrityError(f"`{redacted(self._url)}` is not what was promised", causes=(cause,))
