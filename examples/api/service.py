"""A small service: notes, kept in PostgreSQL.

`/` and `/healthz` answer without a database, so the container is healthy before its database is. `/notes` needs one:
DATABASE_URL names it, and is read when a request comes, not when the program starts.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from pg8000.native import Connection
from pydantic import BaseModel, Field

import database

app = FastAPI(title="Notes")


class NewNote(BaseModel):
    """A note as it is sent to us."""

    text: str = Field(min_length=1, max_length=280)


class Note(NewNote):
    """A note as it is kept."""

    id: int


def connected() -> Iterator[Connection]:
    """Lend a request its own connection. The driver waits without async, so the routes that use it run in threads."""
    try:
        connection = database.connect()
    except database.UnavailableError as error:
        raise HTTPException(503, str(error)) from error
    try:
        yield connection
    finally:
        connection.close()


Database = Annotated[Connection, Depends(connected)]


@app.get("/")
async def about() -> dict[str, str]:
    return {"service": "notes", "python": sys.version.split()[0]}


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/notes")
def notes(connection: Database) -> list[Note]:
    rows = connection.run("SELECT id, text FROM note ORDER BY id DESC LIMIT 100")
    return [Note(id=number, text=text) for number, text in rows]


@app.post("/notes", status_code=201)
def add(note: NewNote, connection: Database) -> Note:
    [[number]] = connection.run("INSERT INTO note (text) VALUES (:text) RETURNING id", text=note.text)
    return Note(id=number, text=note.text)


def main() -> None:
    # uvicorn finishes what is under way, then raises the signal again; being stopped is a success (exit code 0).
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # All interfaces, because this is made to run in a container, whose loopback nobody else can reach.
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", "8000")))  # noqa: S104


if __name__ == "__main__":
    main()
