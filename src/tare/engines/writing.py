"""A program's standard output, written to a file: for streams that are too large to hold."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tare.engines.command_line import last_line
from tare.errors import MachineError


def to_file(argv: Sequence[str], file: Path, *, env: Mapping[str, str], timeout: float) -> None:
    """Run *argv* and write what it prints to *file*; that it fails is an error."""
    try:
        with file.open("wb") as output:
            done = subprocess.run(
                list(argv), env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
                timeout=timeout, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MachineError(f"`{argv[0]}` takes longer than {timeout:g} s") from None
    except OSError as error:
        raise MachineError(f"cannot run `{argv[0]}`", causes=((error.strerror or str(error)).lower(),)) from None
    if done.returncode:
        raise MachineError(
            f"`{argv[0]}` does not give the files", causes=(last_line(done.stderr.decode("utf-8", "replace")),)
        )
