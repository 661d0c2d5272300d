"""The highest rate that a service bears: found by halving, each rate offered as an open load."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tare.bench.load import Loaded, percentiles

SERVED = 0.99
"""Share of the requests that has to be answered with 200: a service that drops half of them is fast, too."""


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    rate: float
    """The highest rate that was offered and borne, in requests per second; 0 if none was."""
    p99: float
    """Seconds, at that rate."""
    refused: float | None
    """The lowest rate that was offered and not borne; None if all were."""
    saturated: str | None = None
    """Why the lowest rate that was not borne says nothing of the service: the generator was the limit."""


def capacity(offer: Callable[[float], Loaded], *, top: float, limit: float, steps: int) -> Capacity:
    """Return the highest rate up to *top* at which 99 % of the requests are answered within *limit* seconds."""
    low, low_p99 = 0.0, 0.0
    high: float | None = None
    why: str | None = None
    rate = top
    for _ in range(steps):
        loaded = offer(rate)
        p99 = percentiles(loaded.histogram)[99]
        if borne(loaded, rate, limit):
            low, low_p99 = rate, p99
            if high is None:
                break
        else:
            high, why = rate, loaded.saturated(p99)
        rate = (low + high) / 2
    return Capacity(rate=low, p99=low_p99, refused=high, saturated=why)


def borne(loaded: Loaded, rate: float, limit: float) -> bool:
    """Tell whether the service answered what was offered, in time."""
    offered = max(1.0, rate * loaded.seconds)
    answered = loaded.requests / offered >= SERVED and not loaded.errors and not loaded.dropped
    return answered and percentiles(loaded.histogram)[99] < limit
