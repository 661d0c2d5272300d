"""PostgreSQL from inside of the candidate: a table loaded over binary COPY, and seven questions asked of it.

    python3 work_postgres.py load URL TABLE ROWS DRIVER
    python3 work_postgres.py ask URL TABLE ROWS DRIVER

The rows are made deterministically, block by block, as numpy arrays that are the rows of binary COPY as they stand: no
row is touched by Python. https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4
"""

from __future__ import annotations

import asyncio
import importlib
import random
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import work

SEED = 108
BLOCK = 100_000
"""Rows that have one state of the generator, and are sent at once."""
CATEGORIES = 40
HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"
ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("l1", ">i4"), ("id", ">i8"),
        ("l2", ">i4"), ("user_id", ">i4"),
        ("l3", ">i4"), ("ts", ">i8"),
        ("l4", ">i4"), ("amount", ">f8"),
        ("l5", ">i4"), ("category", ">i2"),
        ("l6", ">i4"), ("payload", "S64"),
    ]
)  # fmt: skip
HEX = np.array([f"{i:02x}" for i in range(256)], dtype="S2")
DAY = 86_400_000_000
"""Microseconds."""
STEP = 1_000_000
"""Microseconds from one event to the next."""

CREATE = """CREATE TABLE {table} (id int8 NOT NULL, user_id int4 NOT NULL, ts timestamptz NOT NULL,
    amount float8 NOT NULL, category int2 NOT NULL, payload text NOT NULL)"""


def users(rows: int) -> int:
    return max(10, rows // 100)


def block(number: int, rows: int, total: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return block *number* as bytes of COPY, and what it adds to the table's checksum."""
    dice = np.random.Generator(np.random.Philox(key=SEED, counter=[0, 0, 0, number]))
    table = np.empty(rows, dtype=ROW)
    table["fields"] = 6
    for name, length in (("l1", 8), ("l2", 4), ("l3", 8), ("l4", 8), ("l5", 2), ("l6", 64)):
        table[name] = length
    first = number * BLOCK
    table["id"] = np.arange(first, first + rows)
    table["user_id"] = dice.integers(0, users(total), rows)
    table["ts"] = np.arange(first, first + rows) * STEP
    table["amount"] = dice.integers(0, 1_000_000, rows) / 100
    category = dice.integers(0, CATEGORIES, rows)
    table["category"] = category
    table["payload"] = HEX[dice.integers(0, 256, (rows, 32), dtype=np.uint8)].view("S64").reshape(rows)
    return table, (rows, int(category.sum()))


async def load(driver, url: str, table: str, rows: int) -> None:
    """Make the table, fill it in the transaction that made it, and index it."""
    connection = await driver.connect(url)
    sums = [0, 0]

    async def bytes_of_rows():
        yield HEAD
        numbers = range((rows + BLOCK - 1) // BLOCK)
        with ThreadPoolExecutor(1) as pool:
            make = lambda number: pool.submit(block, number, min(BLOCK, rows - number * BLOCK), rows)  # noqa: E731
            following = make(0)
            for number in numbers:
                made, (count, category) = await asyncio.wrap_future(following)
                if number + 1 < len(numbers):
                    following = make(number + 1)
                sums[0] += count
                sums[1] += category
                yield made.tobytes()
        yield TAIL

    started, cpu = time.perf_counter(), time.process_time()
    async with connection.transaction():
        await connection.execute(f"DROP TABLE IF EXISTS {table}")
        await connection.execute(CREATE.format(table=table))
        # Frozen rows of a table that the same transaction made need neither a log nor a later vacuum.
        await driver.copy(connection, table, bytes_of_rows())
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    found = await connection.fetchrow(f"SELECT count(*) AS n, sum(category)::int8 AS s FROM {table}")
    right = (found["n"], found["s"]) == tuple(sums)
    common = {"status": "ok" if right else "mismatch", "check": work.checked([found["n"], found["s"]])}
    work.say(
        "postgres: load", values=[rows / seconds], unit="rows/s", lower_is_better=False, cpu=cpu,
        extra={"seconds": seconds}, **common,
    )  # fmt: skip
    for name, sql in (
        ("primary key", f"ALTER TABLE {table} ADD PRIMARY KEY (id)"),
        ("index", f"CREATE INDEX ON {table} (user_id, ts)"),
        ("analyze", f"ANALYZE {table}"),
    ):
        begun = time.perf_counter()
        await connection.execute(sql)
        # The server's work alone: no image has a part in it, which is worth seeing.
        work.say(f"postgres: {name} (server)", values=[time.perf_counter() - begun])
    await connection.close()


class Questions:
    """The seven questions. Each returns what identifies its answer."""

    def __init__(self, connection, table: str, rows: int) -> None:
        self.connection = connection
        self.table = table
        dice = random.Random(SEED)
        self.keys = [dice.randrange(rows) for _ in range(200)]
        self.users = [dice.randrange(users(rows)) for _ in range(200)]
        self.rows = rows

    async def point(self):
        sql = f"SELECT amount FROM {self.table} WHERE id = $1"
        return sum([await self.connection.fetchval(sql, key) for key in self.keys])

    async def twenty_points(self):
        sql = f"SELECT category FROM {self.table} WHERE id = $1 AND $2"
        return sum([await self.connection.fetchval(sql, key, True) for key in self.keys[:10] * 20])

    async def range(self):
        sql = f"SELECT id, ts, amount FROM {self.table} WHERE user_id = $1 ORDER BY ts LIMIT 100"
        return sum([len(await self.connection.fetch(sql, user)) for user in self.users])

    async def day(self):
        sql = f"""SELECT count(*) AS n, sum(category)::int8 AS s FROM {self.table}
            WHERE id BETWEEN $1 AND $1 + {DAY // STEP}"""
        found = await self.connection.fetchrow(sql, self.keys[0] % max(1, self.rows - DAY // STEP))
        return [found["n"], found["s"]]

    async def top(self):
        sql = f"""SELECT category, count(*) AS n FROM {self.table} WHERE id % 100 = 0 AND id < 10000000
            GROUP BY category ORDER BY n DESC, category LIMIT 10"""
        return [[each["category"], each["n"]] for each in await self.connection.fetch(sql)]

    async def count(self):
        return await self.connection.fetchval(f"SELECT count(*) FROM {self.table}")

    async def fetch(self):
        found = await self.connection.fetch(f"SELECT * FROM {self.table} WHERE id < 100000")
        return [len(found), sum(each["category"] for each in found)]


async def ask(driver, url: str, table: str, rows: int) -> None:
    connection = await driver.connect(url)
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    questions = Questions(connection, table, rows)
    for name in ("point", "twenty_points", "range", "day", "top", "count", "fetch"):
        question = getattr(questions, name)
        started = time.perf_counter()
        answer = await question()
        first = time.perf_counter() - started
        values, servers, cpus = [], [], []
        for _ in range(3):
            await connection.execute("SELECT pg_stat_statements_reset()")
            started, cpu = time.perf_counter(), time.process_time()
            await question()
            values.append(time.perf_counter() - started)
            cpus.append(time.process_time() - cpu)
            servers.append(await server_seconds(connection, table))
        server = statistics.median(servers)
        work.say(
            f"postgres: {name.replace('_', ' ')}", values=values, first=first, cpu=statistics.median(cpus),
            check=work.checked(answer), extra={"server": server, "client": max(0.0, statistics.median(values) - server)},
        )  # fmt: skip
    await connection.close()


async def server_seconds(connection, table: str) -> float:
    """Return how long the server worked at statements about *table* since the last reset."""
    sql = "SELECT coalesce(sum(total_exec_time), 0) FROM pg_stat_statements WHERE query LIKE $1"
    return float(await connection.fetchval(sql, f"%{table}%")) / 1000


def main() -> None:
    action, url, table, rows, name = sys.argv[1:6]
    driver = importlib.import_module(f"driver_{name}")
    asyncio.run({"load": load, "ask": ask}[action](driver, url, table, int(rows)))


if __name__ == "__main__":
    main()
