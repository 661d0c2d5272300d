"""The assembled base: a Debian root file system without Debian's tools, made from signed packages."""

from __future__ import annotations

import hashlib
import os
from typing import Final

RECIPE: Final = 1
"""Counts changes of what is made of the same packages and the same tables."""


def tables_digest() -> str:
    """Return the digest of `debian.toml`, which decides what a base consists of."""
    with open(os.path.join(os.path.dirname(__file__), "debian.toml"), "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
