"""Tables of this package, read once."""

from __future__ import annotations

import functools
from typing import Any, Final

_ROOT: Final = __file__.rpartition("model")[0]


@functools.cache
def table(path: str) -> dict[str, Any]:
    """Return the TOML document at *path*, below `tare/dockerfile`."""
    import tomllib

    with open(_ROOT + path, "rb") as file:
        return tomllib.load(file)
