"""Running a program whose lines are of interest while it runs: a build."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from tare.errors import MachineError

_HELD: Final = 200_000
"""Lines that are kept: the last ones, where an error stands."""

_LONGEST: Final = 64 * 1024
"""Bytes of one line that are kept."""

_GRACE: Final = 10.0


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How a program ended, and what it said."""

    code: int | None
    """None when it took too long and was ended."""

    lines: tuple[tuple[float, str], ...]
    """Each line with the second, from the start, in which it was heard; both streams together."""

    seconds: float


class Follow(Protocol):
    """Runs a program to its end, or to its *timeout*, with exactly the environment *env*."""

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float) -> Followed: ...


def follow(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float) -> Followed:
    """Run *argv* as a process of this machine."""
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            list(argv), env=dict(env), cwd=cwd,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        raise MachineError(f"cannot run `{argv[0]}`", causes=((error.strerror or str(error)).lower(),)) from None
    lines: deque[tuple[float, str]] = deque(maxlen=_HELD)
    with process:
        reader = threading.Thread(target=_listen, args=(process, lines, start), daemon=True)
        reader.start()
        try:
            code = _ended(process, timeout)
        except BaseException:
            _end(process)
            raise
        reader.join(_GRACE)
        if reader.is_alive():
            # A program that it started holds the pipe open; what that may still say is of no interest.
            process.stdout = None
    return Followed(code=code, lines=tuple(lines.copy()), seconds=time.monotonic() - start)


def _listen(process: subprocess.Popen[bytes], lines: deque[tuple[float, str]], start: float) -> None:
    if process.stdout is None:
        raise AssertionError
    stream = process.stdout
    begins = True
    while piece := stream.readline(_LONGEST):
        if begins:
            lines.append((time.monotonic() - start, piece.decode("utf-8", "replace").rstrip("\r\n")))
        begins = piece.endswith(b"\n")


def _ended(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        return None
    return code if code >= 0 else 128 - code


def _end(process: subprocess.Popen[bytes]) -> None:
    """End *process* as an interrupt would, so that an engine stops the containers of the build, and then for good."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
