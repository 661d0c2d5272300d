"""The service under load: FastAPI on uvicorn, with the server, event loop and parser of HTTP all named.

    python3 service.py PORT URL TABLE ROWS ADDRESS DRIVER

If the image lacked uvloop or httptools, uvicorn would fall back in silence and be slow for another reason than its base:
named here, they are an error instead.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

PORT, URL, TABLE, ROWS, ADDRESS = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
DRIVER = importlib.import_module(f"driver_{sys.argv[6]}")


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await DRIVER.open_pool(URL)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz():
    return {"ok": True}


@app.get("/json")
async def json(key: int):
    return {"message": "Hello", "key": key, "items": [{"id": each, "square": each * each} for each in range(20)]}


@app.get("/db")
async def db(key: int):
    row = await app.state.pool.fetchrow(f"SELECT id, user_id, amount, category FROM {TABLE} WHERE id = $1", key % ROWS)
    return dict(row)


@app.get("/queries")
async def queries(key: int, n: int = 20):
    sql = f"SELECT id, amount FROM {TABLE} WHERE id = $1"
    async with app.state.pool.acquire() as connection:
        return [dict(await connection.fetchrow(sql, (key + each * 7919) % ROWS)) for each in range(n)]


@app.get("/range")
async def range_of(key: int):
    sql = f"SELECT id, amount FROM {TABLE} WHERE user_id = $1 ORDER BY ts LIMIT 100"
    return [dict(row) for row in await app.state.pool.fetch(sql, key % max(10, ROWS // 100))]


@app.get("/agg")
async def agg(key: int):
    sql = f"""SELECT category, count(*) AS n, sum(round(amount * 100))::int8 AS cents FROM {TABLE}
        WHERE id >= $1 AND id < $1 + 1000 GROUP BY category ORDER BY category"""
    return [dict(row) for row in await app.state.pool.fetch(sql, key % ROWS)]


@app.get("/update")
async def update(key: int, n: int = 20):
    """Read rows and write them, as they were: the table is the same for the next candidate, and the work is done."""
    # In the order of their ids, or two requests would wait for each other.
    keys = sorted({(key + each * 7919) % ROWS for each in range(n)})
    async with app.state.pool.acquire() as connection, connection.transaction():
        sql = f"SELECT id, amount FROM {TABLE} WHERE id = $1"
        rows = [await connection.fetchrow(sql, each) for each in keys]
        for row in rows:
            await connection.execute(f"UPDATE {TABLE} SET amount = $2 WHERE id = $1", row["id"], row["amount"])
    return [dict(row) for row in rows]


if __name__ == "__main__":
    uvicorn.run(app, host=ADDRESS, port=PORT, loop="uvloop", http="httptools", log_level="warning", access_log=False)
