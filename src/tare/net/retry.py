"""When a request is tried again, and after how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from tare.errors import NetworkError

T = TypeVar("T")

TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may not last: RFC 9110 §15.5.9 and §15.6, RFC 6585 §4, RFC 8470."""

LONGEST: Final = 60.0
"""Seconds. A server that asks for more does not get more."""

WORTH_SAYING: Final = 5.0
"""Seconds of a wait from which on a person wants to know why nothing happens."""

_PROGRESS: Final = 1024 * 1024
"""Bytes. An attempt that brought this much shows that the server works, and does not count."""


class TransientError(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(
        self, error: NetworkError, *, wait: float | None = None, progress: int = 0, exhausted: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait
        """Seconds that the server asked for."""
        self.progress = progress
        """Bytes that the attempt brought nevertheless."""
        self.exhausted = exhausted
        """The server says that we have used up what it allows, so that nothing but the whole wait helps."""


class Retry:
    """Runs work up to *attempts* times, waiting longer each time: 0.5 s, 1 s, 2 s, ... less up to a half by chance."""

    def __init__(
        self,
        *,
        attempts: int,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        """*note* is told of a wait that is long."""
        self._note = note
        self._attempts = attempts
        self._sleep = sleep
        self._jitter = jitter

    def run(self, work: Callable[[], T]) -> T:
        """Return what *work* returns, once it does."""
        failed = 0
        while True:
            try:
                return work()
            except TransientError as transient:
                failed = 1 if transient.progress >= _PROGRESS else failed + 1
                if failed >= self._attempts:
                    raise transient.error from transient.__cause__
                backoff = 2.0 ** (failed - 2) * (1 - self._jitter() / 2)
                wait = min(max(transient.wait or 0.0, backoff), LONGEST)
                if wait >= WORTH_SAYING:
                    self._note(waiting(transient, wait))
                self._sleep(wait)


def waiting(transient: TransientError, wait: float) -> str:
    """Return what to tell a person who waits for *wait* seconds."""
    asked = transient.wait or 0.0
    why = f"; the server asks for {asked:,.0f} seconds" if asked > LONGEST else ""
    reason = ": ".join((transient.error.message, *transient.error.causes[:1]))
    return f"{reason}; it is tried again in {wait:.0f} seconds{why}"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for. A date counts from the server's own `Date`: clocks differ.

    >>> retry_after({"Retry-After": "7"})
    7.0
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:10])
    until, now = _date(value), _date(headers.get("Date", ""))
    return max(until - now, 0.0) if until is not None and now is not None else None


def _date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
