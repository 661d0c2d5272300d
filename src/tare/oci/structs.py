"""Decoders of JSON, made once for each type, and by one thread at a time.

msgspec 0.22.0 crashes when two threads make it look at the same class for the first time at once.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_lock = threading.Lock()
_made: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return the decoder of *kind*.

    >>> decoder(list[int]).decode(b"[1, 2]")
    [1, 2]
    """
    found = _made.get(kind)
    if found is None:
        with _lock:
            found = _made.get(kind) or msgspec.json.Decoder(kind)
            _made[kind] = found
    return found
