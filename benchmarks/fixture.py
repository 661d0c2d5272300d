"""The cache that tare is measured with: filled once, and brought into a stated condition before each measurement."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import environment, tare
from peers import NotMeasuredError

OF_BASES = frozenset(
    ("assembled", "base-layers", "default-base", "facts", "names", "packages", "pins", "suites"),
)
"""Kinds of memo that are about bases. All others follow from a project or its wheels."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run of tare that ended well."""

    seconds: float
    stdout: str
    peak: int
    """Bytes of memory that it, or a program that it ran, had at most."""


@dataclass(frozen=True, kw_only=True)
class Tare:
    """The command, with a cache of the benchmark's own."""

    cache: Path

    def run(self, *arguments: str, **variables: str) -> Finished:
        """Run the command and measure it as a whole, from fork to exit."""
        return spawn([*tare(), *arguments], {**environment(self.cache), **variables})

    def forget_project(self) -> None:
        """Remove what was computed of projects: layers, and every memo of a project or a wheel.

        Downloads (wheels, Debian packages) and assembled bases stay, as Docker has a base's layers and a cache mount.
        """
        for memo in (self.cache / "memo" / "layers").glob("*"):
            digest = json.loads(memo.read_bytes())["descriptor"]["digest"]
            (self.cache / "blobs" / "sha256" / digest.removeprefix("sha256:")).unlink(missing_ok=True)
        for kind in (self.cache / "memo").glob("*"):
            if kind.name not in OF_BASES:
                shutil.rmtree(kind)


def spawn(command: Sequence[str], variables: dict[str, str]) -> Finished:
    """Run *command*, and say why when it fails. Its memory is what the system says of it and of what it waited for."""
    import tempfile
    import time

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=variables, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            said = err.read().decode(errors="replace").strip().splitlines()
            raise NotMeasuredError(f"`{' '.join(command[1:3])}` exits {process.returncode}: {' / '.join(said)[:400]}")
        return Finished(seconds=seconds, stdout=out.read().decode(), peak=usage.ru_maxrss * 1024)
