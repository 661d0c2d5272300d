"""Profiles: how many rows, rounds and seconds `smoke`, `standard` and `full` mean."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from tare.bench.places import PROGRAMS


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One profile."""

    text: str
    rows: int
    """Of the table, and of the data frame."""
    ingest: int
    """Rows that are loaded anew each round."""
    chunk: int = 10_000_000
    """Rows of a data frame that are in memory at once."""
    rounds: int
    scale: int
    """How many times the smallest piece of work of the interpreter is done."""
    starts: int
    """How often an interpreter is started in one container."""
    concurrency: tuple[int, ...]
    """Connections of the closed-loop sweep."""
    load_seconds: float
    open_seconds: float
    shares: tuple[float, ...]
    """Offered rates, as shares of the weakest image's peak."""
    limit: float = 0.05
    """Seconds below which the p99 has to be at the highest rate that is looked for."""
    halvings: int
    """Steps of that search."""
    database: Literal["sqlite", "postgres"]
    disk: int
    """Bytes that have to be free."""
    memory: int
    """Bytes that have to be available."""

    def lasting(self, seconds: float | None) -> Profile:
        """Return the profile with loads of *seconds*, if somebody said so."""
        if seconds is None:
            return self
        return msgspec.structs.replace(self, load_seconds=seconds, open_seconds=seconds)


@cache
def profiles() -> dict[str, Profile]:
    """Return all profiles by name."""
    data = Path(__file__).with_name("profiles.toml").read_bytes()
    return msgspec.toml.decode(data, type=dict[str, Profile])


def compat(profile: Profile, workloads: tuple[str, ...], extra: str = "") -> str:
    """Return what two runs have in common that can be compared: the programs' bytes and all parameters."""
    total = hashlib.sha256(msgspec.json.encode([profile, sorted(workloads), extra]))
    for path in sorted(PROGRAMS.rglob("*")):
        if path.suffix == ".py":
            total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
