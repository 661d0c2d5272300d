"""From the name of a program to what is started: what a shell looks up, and what the kernel does with `#!`."""

# No pathlib: it imports more when it is used, and nothing may be imported in the root of an image.
from __future__ import annotations

import os
import stat
from typing import Final

_DEPTH: Final = 4
"""Scripts that are interpreted by scripts; the kernel has a limit too."""


def find(name: str, path: str) -> str:
    """Return the path of the program *name*, which is looked for on *path* unless it has a slash."""
    if "/" in name:
        return name
    refused = False
    for directory in path.split(":"):
        candidate = f"{directory or '.'}/{name}"
        if _is_file(candidate):
            if os.access(candidate, os.X_OK):
                return candidate
            refused = True
    raise PermissionError(13, "Permission denied", name) if refused else FileNotFoundError(2, "No such file", name)


def emulated(argv: list[str], path: str) -> list[str]:
    """Return the arguments with which QEMU runs *argv*.

    Only this one program is emulated. What it starts is the kernel's to run, which does not know how.
    """
    for _ in range(_DEPTH):
        program = find(argv[0], path)
        handle = os.open(program, os.O_RDONLY)
        line = os.read(handle, 256).partition(b"\n")[0]
        os.close(handle)
        if not line.startswith(b"#!"):
            return ["qemu", "-0", argv[0], program, *argv[1:]]
        words = line[2:].decode("utf-8", "surrogateescape").split(None, 1)
        if words and words[0].endswith("/env") and len(words) > 1:
            words = words[1].removeprefix("-S").split()
        if not words:
            break
        argv = [*words, program, *argv[1:]]
    raise OSError(8, "Exec format error", argv[0])


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
