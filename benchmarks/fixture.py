"""The cache that tare is measured with: filled once, and brought into a stated condition before each measurement."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
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
    cpu: float
    """Seconds of a processor, of the process and of what it waited for; other work on the machine hardly shows in it."""

    stdout: str


@dataclass(frozen=True, kw_only=True)
class Tare:
    """The command, with a cache of the benchmark's own."""

    cache: Path

    def run(self, *arguments: str, **variables: str) -> Finished:
        """Run the command and measure it as a whole, from fork to exit."""
        return spawn([*tare(), *arguments], {**environment(self.cache), **variables})

    def peak(self, *arguments: str) -> int:
        """Run the command and return the bytes of memory that it, or a program that it ran, had at most."""
        return peak([*tare(), *arguments], environment(self.cache))

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
    """Run *command*, and say why when it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        code = subprocess.run(
            command, check=False, env=variables, stdout=out, stderr=err, stdin=subprocess.DEVNULL
        ).returncode
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        out.seek(0)
        err.seek(0)
        if code:
            said = err.read().decode(errors="replace").strip().splitlines()
            raise NotMeasuredError(f"`{' '.join(command[1:3])}` exits {code}: {' / '.join(said)[:400]}")
        return Finished(seconds=seconds, cpu=cpu, stdout=out.read().decode())


LAUNCHER = """\
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""
"""The system counts for a process also what its parent had when it was forked, so the parent has to be small."""


def peak(command: Sequence[str], variables: dict[str, str]) -> int:
    """Run *command* and return the bytes of memory that it, or a program that it ran, had at most."""
    return int(spawn([sys.executable, "-S", "-E", "-c", LAUNCHER, *command], variables).stdout) * 1024
