"""The context of a build, in bytes: what a builder is sent, and what a `.dockerignore` keeps back."""

from __future__ import annotations

import os
import stat

import msgspec

from tare.errors import MachineError
from tare.projects.dockerignore import Patterns


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A file or directory of the root, with what is in it."""

    path: str
    size: int
    """Bytes of its regular files."""

    sent: int
    """Those that a builder is sent."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A project's directory, as a build's context."""

    size: int
    """Bytes of its regular files."""

    sent: int
    """Those that are not left out."""

    files: int
    """How many are sent."""

    parts: tuple[Part, ...]
    """The largest first."""

    @property
    def saved(self) -> int:
        return self.size - self.sent


def measure_context(root: str, ignored: Patterns | None) -> Context:
    """Return the context at *root*, of which *ignored* leaves out some."""
    found: dict[str, tuple[int, int]] = {}
    files = 0
    waiting: list[tuple[str, int]] = [("", -1)]
    while waiting:
        directory, above = waiting.pop()
        for entry in _entries(os.path.join(root, directory)):
            path = f"{directory}/{entry.name}" if directory else entry.name
            answer = ignored.match(path, entry.name, above) if ignored else -1
            if entry.is_dir(follow_symlinks=False):
                waiting.append((path, answer))
                continue
            status = entry.stat(follow_symlinks=False)
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            sent = not (ignored and ignored.holds(answer))
            files += sent
            top = path.partition("/")[0]
            known = found.get(top, (0, 0))
            found[top] = (known[0] + size, known[1] + (size if sent else 0))
    parts = [Part(path=path, size=size, sent=sent) for path, (size, sent) in found.items()]
    return Context(
        size=sum(part.size for part in parts),
        sent=sum(part.sent for part in parts),
        files=files,
        parts=tuple(sorted(parts, key=lambda part: (-part.size, part.path))),
    )


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise MachineError(f"cannot read `{directory}`", causes=((error.strerror or "").lower(),)) from error
