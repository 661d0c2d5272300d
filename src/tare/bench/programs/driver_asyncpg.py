"""The driver asyncpg, which speaks the protocol itself, in C made by Cython: nothing of the system's libpq."""

from __future__ import annotations

import asyncpg
from asyncpg.protocol import protocol


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)


async def open_pool(url: str) -> asyncpg.Pool:
    return await asyncpg.create_pool(url, min_size=8, max_size=32)


async def copy(connection: asyncpg.Connection, table: str, source) -> None:
    """Copy what *source* yields, as binary rows, into a table that this transaction made."""
    await connection.copy_to_table(table, source=source, format="binary", freeze=True)


def facts() -> str:
    compiled = protocol.__file__.endswith((".so", ".pyd"))
    return f"asyncpg {asyncpg.__version__}, {'in C' if compiled else 'in Python'}"
