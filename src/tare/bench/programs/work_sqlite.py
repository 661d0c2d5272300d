"""The I/O-bound work without a server: a table of events in SQLite, loaded and asked.

python3 work_sqlite.py ROWS
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
import tempfile
import time

import work

CATEGORIES = 40
USERS = 1_000


def events(rows: int):
    """Yield rows such as `event` of PostgreSQL has: user, time, amount, category, payload."""
    for number in range(rows):
        noise = (number * 2_654_435_761) & 0xFFFFFFFF
        payload = hashlib.md5(str(noise).encode()).hexdigest()
        yield number, noise % USERS, 1_700_000_000 + number, noise % 10_000 / 100, noise % CATEGORIES, payload


def main() -> None:
    try:
        import sqlite3
    except ImportError as error:
        for case in ("load", "points", "range", "aggregate", "count", "fetch"):
            work.say(f"sqlite: {case}", status="unsupported", note=str(error))
        return
    rows = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as directory:
        connection = sqlite3.connect(os.path.join(directory, "events.sqlite"))
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(
            "CREATE TABLE event (id INTEGER PRIMARY KEY, user_id INT, ts INT, amount REAL, category INT, payload TEXT)"
        )
        started, cpu = time.perf_counter(), time.process_time()
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", events(rows))
        connection.execute("CREATE INDEX event_user ON event (user_id, ts)")
        connection.commit()
        seconds = time.perf_counter() - started
        work.say(
            "sqlite: load", values=[rows / seconds], unit="rows/s", lower_is_better=False,
            cpu=time.process_time() - cpu, check=str(rows),
        )  # fmt: skip
        questions(connection, rows)


def questions(connection, rows: int) -> None:
    dice = random.Random(108)
    keys = [dice.randrange(rows) for _ in range(2_000)]

    def one(sql: str, *values: object) -> list:
        return connection.execute(sql, values).fetchall()

    point = "SELECT amount FROM event WHERE id = ?"
    work.measure("sqlite: points", lambda: sum(one(point, key)[0][0] for key in keys))
    by_user = "SELECT id, amount FROM event WHERE user_id = ? ORDER BY ts LIMIT 100"
    work.measure("sqlite: range", lambda: sum(len(one(by_user, key % USERS)) for key in keys[:300]))
    grouped = "SELECT category, sum(amount), count(*) FROM event GROUP BY category ORDER BY 2 DESC LIMIT 10"
    work.measure("sqlite: aggregate", lambda: one(grouped))
    work.measure("sqlite: count", lambda: one("SELECT count(*) FROM event WHERE amount > 50"))
    work.measure("sqlite: fetch", lambda: len(one("SELECT * FROM event LIMIT 100000")))


if __name__ == "__main__":
    main()
