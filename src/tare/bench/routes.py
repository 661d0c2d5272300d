"""What the service is asked for, and how many statements each request means to the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of request, or a mix of kinds."""

    name: str
    parts: Mapping[str, float]
    """Paths, and how often each is asked for; `{key}` stands for a number that is drawn anew each time."""
    headline: bool = False
    """Whether it is measured at every number of connections and every rate, and its capacity looked for."""


_JSON, _DB = "/json?key={key}", "/db?key={key}"
_QUERIES, _RANGE = "/queries?key={key}&n=20", "/range?key={key}"
_AGG, _UPDATE = "/agg?key={key}", "/update?key={key}&n=20"

STATEMENTS: Final[Mapping[str, int]] = {_JSON: 0, _DB: 1, _QUERIES: 20, _RANGE: 1, _AGG: 1, _UPDATE: 40}
"""By path, how many statements a request executes. An update reads twenty rows and writes them."""
MARGINS: Final[Mapping[str, float]] = {_UPDATE: 0.05}
"""By path, the share by which the server's count may differ, where it is not `MARGIN`: writers wait for each other."""
MARGIN: Final = 0.01

ROUTES: Final = (
    Route(name="/json", parts={_JSON: 1.0}),
    Route(name="/db", parts={_DB: 1.0}, headline=True),
    Route(name="/queries", parts={_QUERIES: 1.0}),
    Route(name="/range", parts={_RANGE: 1.0}),
    Route(name="/agg", parts={_AGG: 1.0}),
    Route(name="/update", parts={_UPDATE: 1.0}),
    # What a service of an application does most of the time: it reads, sometimes a list, and seldom writes.
    Route(name="mix", parts={_DB: 0.8, _RANGE: 0.15, _UPDATE: 0.05}, headline=True),
)


def miscounted(sent: Mapping[str, int], counted: int, *, dropped: int = 0) -> str | None:
    """Return why answers are not believed: the server executed another number of statements than *sent* requests need.

    Some of *dropped* requests, which had no answer when the load was ended, were executed all the same.
    """
    wanted = sum(count * STATEMENTS[path] for path, count in sent.items())
    margin = max((MARGINS.get(path, MARGIN) for path in sent), default=MARGIN)
    # A request that was under way when the load ended may have been counted by one side only.
    most = max((STATEMENTS[path] for path in sent), default=0)
    slack = max(margin * wanted, 20 * most)
    if -slack <= counted - wanted <= slack + dropped * most:
        return None
    return f"{counted} statements were executed for {sum(sent.values())} requests, {wanted} expected"
