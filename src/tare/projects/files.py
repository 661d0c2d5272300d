"""Reading the text that people and tools write: bounded, decoded once, with the place of what is wrong."""

from __future__ import annotations

import os
from typing import Any

from tare.errors import MachineError, ProjectError

LIMIT = 64 * 1024 * 1024
"""Bytes. The largest `uv.lock` that was seen has 12 MB; what is larger is not a lockfile."""


def read_bytes(path: str, limit: int = LIMIT) -> bytes:
    """Return the content of *path*, which has at most *limit* bytes."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise ProjectError(f"cannot read `{path}`", causes=(_reason(error),)) from error
    except OSError as error:
        raise MachineError(f"cannot read `{path}`", causes=(_reason(error),)) from error
    if len(data) > limit:
        raise ProjectError(f"`{path}` is too large", causes=(f"it has more than {limit:,} bytes",))
    return data


def text(path: str, data: bytes | None = None) -> str:
    """Return *path* as text; *data* is its content when that was read already."""
    if data is None:
        data = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        cause = f"line {line}: the byte 0x{data[error.start]:02x} is not UTF-8"
        raise ProjectError(f"`{name(path)}` cannot be read", causes=(cause,)) from error


def toml(path: str, data: bytes | None = None) -> dict[str, Any]:
    """Return *path*, a TOML document, as a dictionary."""
    import tomllib

    content = text(path, data)
    try:
        return tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProjectError(
            f"`{name(path)}` cannot be read", causes=(_place(str(error)),), hints=_conflict(content)
        ) from error


def json(path: str, data: bytes | None = None) -> dict[str, Any]:
    """Return *path*, a JSON document whose root is an object, as a dictionary."""
    import json as _json

    content = text(path, data)
    try:
        document = _json.loads(content)
    except _json.JSONDecodeError as error:
        cause = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ProjectError(f"`{name(path)}` cannot be read", causes=(cause,), hints=_conflict(content)) from error
    except RecursionError as error:
        raise ProjectError(f"`{name(path)}` cannot be read", causes=("it is nested too deeply",)) from error
    if not isinstance(document, dict):
        raise ProjectError(f"`{name(path)}` cannot be read", causes=("its root is not an object",))
    return document


def name(path: str) -> str:
    """Return the last component of *path*: the name that people know a file by."""
    return os.path.basename(path)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _place(message: str) -> str:
    """Move tomllib's `(at line 3, column 5)` to the front."""
    reason, found, place = message.rpartition(" (at ")
    if not found:
        return message
    return f"{place.rstrip(')')}: {reason[:1].lower()}{reason[1:]}"


def _conflict(content: str) -> tuple[str, ...]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith(("<<<<<<< ", ">>>>>>> ")):
            return (f"Resolve the merge conflict at line {number}, or write the lockfile anew",)
    return ()
