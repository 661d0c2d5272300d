"""What builds an image of a project: `tare build` itself, as a person runs it, timed from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tare.bench.comparison import Build, Change, Step
from tare.errors import MachineError, UsageError
from tare.flow.world import World


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was built."""

    build: Build
    image: str
    """Its name, as `tare weigh` and `tare run` take it."""
    digest: str


class Builder(Protocol):
    """Builds images of one project on one base, again and again."""

    @property
    def name(self) -> str:
        """`tare`, or an engine's name."""
        ...

    def build(self, project: Path, base: str, change: Change) -> Made:
        """Build the project as it is now; *change* says what was changed since the last time, or that all is new."""
        ...


class Tare:
    """Runs `tare build` with a cache of its own, which is empty at first."""

    name = "tare"

    def __init__(self, scratch: Path, *, environment: Mapping[str, str], options: tuple[str, ...] = ()) -> None:
        self._scratch = scratch
        self._environment = {**environment, "UV_CACHE_DIR": str(scratch / "uv")}
        self._options = options

    def build(self, project: Path, base: str, change: Change) -> Made:
        """Build with a fresh process, and read what its document says."""
        output = f"oci:{self._scratch / 'image'}"
        command = [
            sys.executable, "-m", "tare", "build", str(project), "--base", base, "-o", output, "--json",
            "--cache-dir", str(self._scratch / "cache"), *self._options,
        ]  # fmt: skip
        started = time.monotonic()
        finished = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if finished.returncode:
            raise MachineError("`tare build` failed", causes=tuple(finished.stderr.strip().splitlines()[-6:]))
        return _made(msgspec.json.decode(finished.stdout), output, change, seconds)


def _made(document: dict[str, Any], output: str, change: Change, seconds: float) -> Made:
    return Made(
        build=Build(change=change, seconds=seconds, steps=_in_turn(document["seconds"], seconds)),
        image=output,
        digest=document["image"]["digest"],
    )


def _in_turn(steps: Mapping[str, float], seconds: float) -> tuple[Step, ...]:
    """Return the steps one after another, as they are, and the rest of the time before them as the program's start."""
    at = max(seconds - sum(steps.values()), 0.0)
    found = [Step(name="start", kind="start", start=0.0, end=at)]
    for name, length in steps.items():
        found.append(Step(name=name, kind=name, start=at, end=at + length))
        at += length
    return tuple(found)


def builder_of(name: str, scratch: Path, world: World) -> Builder:
    """Return the builder called *name*, which works in *scratch*."""
    if name == "tare":
        return Tare(scratch, environment=world.environment, options=())
    raise UsageError(f"there is no builder `{name}`", hints=("Choose tare, docker, podman or buildah",))
