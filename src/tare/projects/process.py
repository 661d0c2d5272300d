"""Running a program and waiting for it: the seam through which `projects` uses uv and git."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from tare.errors import MachineError


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A program that has ended."""

    status: int
    stdout: bytes
    stderr: str


class Runner(Protocol):
    """Runs a program to its end; tests give one that runs nothing."""

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished: ...


def run(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished:
    """Run *argv* in *cwd* with exactly the environment *env*."""
    import subprocess

    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False, cwd=cwd, env=dict(env))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise MachineError(f"cannot run `{argv[0]}`", causes=(reason,)) from error
    return Finished(status=done.returncode, stdout=done.stdout, stderr=done.stderr.decode("utf-8", "replace"))
