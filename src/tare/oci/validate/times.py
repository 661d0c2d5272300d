"""Dates and times of RFC 3339."""

from __future__ import annotations

import re
from typing import Final

from tare.oci.validate.findings import shown

_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
"""Without leap seconds and lower case, which RFC 3339 grants: Go's reader, and so every engine, refuses both."""
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def problem_of(text: str) -> str | None:
    """Return what is wrong with *text* as a time, or None.

    >>> problem_of("2026-11-24T00:00:00Z")
    >>> problem_of("2026-02-29T00:00:00Z")
    'expected a time of RFC 3339, found `2026-02-29T00:00:00Z`'
    """
    match = _TIME.fullmatch(text)
    if match is None or not _is_day(int(match[1]), int(match[2]), int(match[3])):
        return f"expected a time of RFC 3339, found `{shown(text)}`"
    return None


def _is_day(year: int, month: int, day: int) -> bool:
    if not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return not (month == 2 and day == 29 and not leap)
