"""What was learned from inputs, kept by the digest of those inputs, so that nothing is asked twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

Kind = TypeVar("Kind")

FORMAT = "5"
"""Changes when what is kept, or how, changes; it is a part of every key."""


def key(kind: str, parts: Iterable[bytes | str]) -> str:
    """Return the key of something of *kind* that follows from *parts*.

    Each part is hashed by itself first, so that no two lists of parts read the same.
    """
    outer = hashlib.sha256()
    for part in (FORMAT, kind, *parts):
        outer.update(
            hashlib.sha256(part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part).digest()
        )
    return outer.hexdigest()


def recall(directory: str | None, name: str) -> bytes | None:
    """Return what is kept under *name* in *directory*; `None` when nothing is, or when it is damaged."""
    if directory is None:
        return None
    try:
        with open(os.path.join(directory, name), "rb") as file:
            digest, data = file.read(32), file.read()
    except OSError:
        return None
    return data if hashlib.sha256(data).digest() == digest else None


def keep(directory: str | None, name: str, data: bytes) -> None:
    """Keep *data* under *name*. It is there whole or not at all; a memo that cannot be written is no failure."""
    if directory is None:
        return
    path = os.path.join(directory, name)
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        os.makedirs(directory, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.replace(temporary, path)
    except OSError:
        _remove(temporary)
    except BaseException:
        _remove(temporary)
        raise


def remembered(directory: str | None, name: str, produce: Callable[[], bytes]) -> bytes:
    """Return what is kept under *name*, or what *produce* makes, which is kept then."""
    found = recall(directory, name)
    if found is None:
        found = produce()
        keep(directory, name, found)
    return found


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def decoded(data: bytes | None, kind: type[Kind]) -> Kind | None:
    """Return what was kept as a *kind*, or `None` when it is not one: another version of tare may have kept it."""
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
