"""When a request is tried again, and after how long.

Full jitter: each wait is a random part of 0.5 s, 1 s, 2 s, … (https://aws.amazon.com/builders-library/, "Timeouts,
retries, and backoff with jitter"), but no shorter than the registry asks for, up to a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tare.errors import NetworkError
from tare.net.retry import LONGEST, WORTH_SAYING, TransientError, waiting
from tare.net.wire import Fields
from tare.stores.registry.settings import Clock

_BASE: Final = 0.5
_HIGHEST: Final = 30.0
"""Seconds: the bound of a wait that nobody asked for."""

_PROGRESS: Final = 1024 * 1024
"""Bytes. An attempt that moved this much shows that the registry works, and does not count."""


class Attempts:
    """Counts what one piece of work has cost so far."""

    def __init__(
        self, *, limit: int, deadline: float, clock: Clock, note: Callable[[str], None] = lambda _: None
    ) -> None:
        """*note* is told of a wait that is long."""
        self._note = note
        self._limit = limit
        self._deadline = deadline
        self._clock = clock
        self._failed = 0
        self._since = clock.monotonic()

    def pause(self, transient: TransientError) -> None:
        """Wait before the next attempt, or raise the error of the last one."""
        if transient.progress >= _PROGRESS:
            self.progressed()
        self._failed += 1
        if self._failed >= self._limit:
            raise _given_up(transient.error, f"it was tried {self._failed} times") from transient.__cause__
        asked = transient.wait or 0.0
        if transient.exhausted and asked > LONGEST:
            reason = f"it asks to wait {asked:,.0f} seconds, and tare waits {LONGEST:g} at most"
            raise _given_up(transient.error, reason) from transient.__cause__
        wait = self._clock.jitter() * min(_BASE * 2.0 ** (self._failed - 1), _HIGHEST)
        wait = max(wait, min(asked, LONGEST))
        if self._clock.monotonic() + wait - self._since > self._deadline:
            raise _given_up(transient.error, f"it could not be done within {self._deadline:g} seconds")
        if wait >= WORTH_SAYING:
            self._note(waiting(transient, wait))
        self._clock.sleep(wait)

    def moved(self) -> None:
        """Count time from now on: bytes went, if not for the first time. The next failure is one more all the same."""
        self._since = self._clock.monotonic()

    def progressed(self) -> None:
        """Forget what was before: something was achieved."""
        self._failed, self._since = 0, self._clock.monotonic()


def _given_up(error: NetworkError, reason: str) -> NetworkError:
    return NetworkError(error.message, causes=(*error.causes, reason), hints=error.hints)


def retry_after(fields: Fields, clock: Clock) -> float | None:
    """Return the seconds that `Retry-After` asks for; a date counts from the server's own, or from our clock."""
    value = fields.get("retry-after").strip()
    if value.isascii() and value.isdigit():
        return float(value[:10])
    until = _date(value)
    if until is None:
        return None
    now = _date(fields.get("date"))
    return max(until - (clock.now() if now is None else now), 0.0)


def _date(text: str) -> float | None:
    if not 20 <= len(text) <= 40:
        return None
    from email.utils import parsedate_to_datetime  # 12 ms, and servers rarely send a date

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
