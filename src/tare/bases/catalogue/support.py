"""The days on which support ends, as the catalogue has them: a day, or a month where only that is planned."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Final

SOON: Final = timedelta(days=183)
"""Before the end of support, from when on it is worth a sentence."""


def ended(day: str | None, today: date) -> bool:
    """Tell whether *today* is after *day*, which may be a month: then its last day counts. Unknown is not over.

    >>> ended("2026-10", date(2026, 10, 31)), ended("2026-10", date(2026, 11, 1))
    (False, True)
    """
    if day is None:
        return False
    year, month, *rest = map(int, day.split("-"))
    return today > date(year, month, rest[0] if rest else calendar.monthrange(year, month)[1])


def ends_soon(day: str | None, today: date) -> bool:
    """Tell whether *day* has not passed yet, and will within half a year. Unknown is not soon."""
    return not ended(day, today) and ended(day, today + SOON)
