"""The way to the database, named by DATABASE_URL."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection

TABLE = "CREATE TABLE IF NOT EXISTS note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)"


class UnavailableError(Exception):
    """There is no database to talk to, for a reason that may pass."""


def connect() -> Connection:
    """Return a connection to a database that has our table."""
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if url.scheme not in {"postgres", "postgresql"} or not url.hostname:
        raise UnavailableError("DATABASE_URL is not set to postgresql://USER:PASSWORD@HOST:PORT/NAME")
    try:
        connection = Connection(
            user=unquote(url.username or "postgres"),
            password=unquote(url.password) if url.password else None,
            host=url.hostname,
            port=url.port or 5432,
            database=unquote(url.path.lstrip("/")) or None,
            timeout=5,
        )
        connection.run(TABLE)
    except (DatabaseError, InterfaceError, OSError) as error:
        raise UnavailableError(f"cannot use the database at {url.hostname}:{url.port or 5432}") from error
    return connection
