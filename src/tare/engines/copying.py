"""Files that came out of a container as a tar stream, written below a directory and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

from tare.engines.tree import Tree, TreeError
from tare.errors import HostileInputError, MachineError
from tare.oci.tar import Entry, TarReader

_MOST: Final = 4 * 1024**3
"""Bytes that are written at most."""


def write_out(stream: BinaryIO, destination: Path, *, what: str) -> int:
    """Write the regular files and directories of a tar *stream* below *destination*; return how many files that are.

    Links and devices are left out: what a container made is not followed on this machine.
    """
    destination.mkdir(parents=True, exist_ok=True)
    root = os.open(destination, os.O_RDONLY | os.O_DIRECTORY)
    count = total = 0
    try:
        reader = TarReader(stream, what=what)
        for entry in reader:
            parts = _parts(entry, what)
            if entry.kind == "directory" and parts:
                os.close(Tree(root).directory(parts, create=True)[0])
            elif entry.kind == "file":
                total += entry.size
                if total > _MOST:
                    raise MachineError(f"{what} is too large to copy", causes=(f"it has more than {_MOST:,} bytes",))
                _write(root, parts, reader, what)
                count += 1
    finally:
        os.close(root)
    return count


def _parts(entry: Entry, what: str) -> list[bytes]:
    parts = os.fsencode(entry.path).split(b"/")
    if b".." in parts or entry.path.startswith("/"):
        raise HostileInputError(f"{what} has the file `{entry.path}`", causes=("its path leads out of the directory",))
    return [part for part in parts if part not in {b"", b"."}]


def _write(root: int, parts: list[bytes], reader: TarReader, what: str) -> None:
    try:
        parent = Tree(root).directory(parts[:-1], create=True)[0]
    except (OSError, TreeError) as error:
        raise MachineError(f"cannot write {what}", causes=(str(error),)) from error
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(parts[-1], flags, 0o644, dir_fd=parent), "wb") as file:
            for chunk in reader.chunks():
                file.write(chunk)
    except OSError as error:
        raise MachineError(f"cannot write {what}", causes=((error.strerror or str(error)).lower(),)) from error
    finally:
        os.close(parent)
