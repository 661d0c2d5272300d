"""What makes load on a service: a process of its own, with the interpreter of tare."""

from __future__ import annotations

import os
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tare.bench.load import Loaded, Spec
from tare.engines.linux import ends_with
from tare.errors import MachineError

_PATIENCE: Final = 120.0
"""Seconds that a load may last beyond its own."""
_LOAD: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from tare.bench.load import main; sys.stdout.write(main(sys.argv[2]))"
)


class LoadGenerator(Protocol):
    """What makes load."""

    def run(self, spec: Spec) -> Loaded:
        """Make the load, and return what came of it; raises `MachineError` if it cannot be made."""
        ...


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """Makes load from a process of its own, with the interpreter of tare."""

    python: str

    def run(self, spec: Spec) -> Loaded:
        source = str(Path(__file__).resolve().parents[2])
        command = [self.python, "-X", "utf8", "-c", _LOAD, source, msgspec.json.encode(spec).decode()]
        most = spec.seconds * 3 + _PATIENCE
        try:
            finished = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=most, env={"PATH": ""},
                preexec_fn=partial(ends_with, os.getpid(), signal.SIGKILL),  # two system calls and no lock
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"requests had no answer within {most:.0f} s") from None
        if finished.returncode:
            said = finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"]
            raise MachineError("the load generator failed", causes=(said[-1],))
        return msgspec.json.decode(finished.stdout, type=Loaded)
