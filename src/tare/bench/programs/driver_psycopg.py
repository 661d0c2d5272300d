"""The driver psycopg over libpq, with asyncpg's names for what the programs ask.

Without its C implementation psycopg would fall back to Python in silence, and be slow for another reason than its base:
asked for by name, it is an error instead.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager

os.environ.setdefault("PSYCOPG_IMPL", "binary")

import psycopg  # its C implementation is chosen when it is imported
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

# As asyncpg does: a statement is prepared when it is first executed, and outside of a transaction it is one by itself.
_SETTINGS = {
    "autocommit": True,
    "prepare_threshold": 0,
    "cursor_factory": psycopg.AsyncRawCursor,
    "row_factory": dict_row,
}


class Connection:
    """A connection whose statements have parameters of PostgreSQL's own form, and whose answers are binary."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *arguments) -> list:
        cursor = await self._connection.execute(sql, arguments, binary=True)
        return await cursor.fetchall()

    async def fetchrow(self, sql: str, *arguments):
        cursor = await self._connection.execute(sql, arguments, binary=True)
        return await cursor.fetchone()

    async def fetchval(self, sql: str, *arguments):
        row = await self.fetchrow(sql, *arguments)
        return next(iter(row.values())) if row else None

    async def execute(self, sql: str, *arguments) -> None:
        # Without parameters as the simple protocol has it, which does not prepare what is done once.
        await self._connection.execute(sql, arguments or None, prepare=bool(arguments))

    def transaction(self):
        return self._connection.transaction()

    def cursor(self):
        return self._connection.cursor()

    async def close(self) -> None:
        await self._connection.close()


class Pool:
    """Connections that requests share."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def acquire(self):
        async with self._pool.connection() as connection:
            yield Connection(connection)

    async def fetch(self, sql: str, *arguments) -> list:
        async with self.acquire() as connection:
            return await connection.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments):
        async with self.acquire() as connection:
            return await connection.fetchrow(sql, *arguments)

    async def close(self) -> None:
        await self._pool.close()


async def connect(url: str) -> Connection:
    return Connection(await psycopg.AsyncConnection.connect(url, **_SETTINGS))


async def open_pool(url: str) -> Pool:
    pool = AsyncConnectionPool(url, min_size=8, max_size=32, open=False, kwargs=_SETTINGS)
    await pool.open(wait=True)
    return Pool(pool)


async def copy(connection: Connection, table: str, source) -> None:
    """Copy what *source* yields, as binary rows, into a table that this transaction made."""
    async with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} FROM STDIN (FORMAT binary, FREEZE true)") as writer,
    ):
        async for rows in source:
            await writer.write(rows)


def facts() -> str:
    implementation = "in Python" if psycopg.pq.__impl__ == "python" else f"in C ({psycopg.pq.__impl__})"
    version = psycopg.pq.version()
    return f"psycopg {psycopg.__version__}, {implementation}, libpq {version // 10000}.{version % 10000}"
