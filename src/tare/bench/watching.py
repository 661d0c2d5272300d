"""How far a long load is: asked of the database that is loaded, while the candidate's Python is silent.

https://www.postgresql.org/docs/current/progress-reporting.html
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from tare.bench.harness import rough
from tare.bench.postgres import Database
from tare.errors import MachineError

_EVERY: Final = 10.0
"""Seconds: often enough to be seen to move, and seldom enough to disturb nothing."""
_QUERY: Final = """SELECT coalesce(
    (SELECT 'rows ' || tuples_processed FROM pg_stat_progress_copy WHERE relid <> 0 LIMIT 1),
    (SELECT 'index ' || phase FROM pg_stat_progress_create_index LIMIT 1),
    (SELECT 'analyze' FROM pg_stat_progress_analyze LIMIT 1), '')"""


class Loading(msgspec.Struct, kw_only=True):
    """What is known of a load: it only grows."""

    rows: int
    """That there shall be."""
    begun: float | None = None
    first: int = 0

    def words(self, said: str, now: float) -> str:
        """Return *said*, what the database is doing, as a person would; nothing when it does none of that."""
        what, _, rest = said.partition(" ")
        if what == "index":
            return f"index: {rest}"
        if what != "rows" or not rest.isdigit():
            return what and "the table is analysed"
        done = int(rest)
        if self.begun is None or done < self.first:
            self.begun, self.first = now, done
        text = f"{done:,} of {self.rows:,} rows"
        if done > self.first:
            text += f", {rough((now - self.begun) / (done - self.first) * max(0, self.rows - done))} left"
        return text


@contextlib.contextmanager
def watched(database: Database, table: str, rows: int, say: Callable[[str], None]) -> Iterator[None]:
    """Say how far the load of *table* is, as long as it is not there; nothing is asked afterwards."""
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(database, table, Loading(rows=rows), say, ended), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _watch(
    database: Database, table: str, loading: Loading, say: Callable[[str], None], ended: threading.Event
) -> None:
    # A database that does not answer now is what the load itself will tell of.
    with contextlib.suppress(MachineError):
        while not database.remembered(table) and not ended.wait(_EVERY):
            words = loading.words(database.ask(_QUERY), time.monotonic())
            if words:
                say(f"{table}: {words}")
