"""What a project imports when it starts: read from its sources, and from what the image runs.

The sources are read and not run: what they do when they are imported is theirs, and a changed line that imports nothing
else leaves the bytecode as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tare.projects.imports import imports_of
from tare.projects.project import Project
from tare.projects.sources import collect
from tare.wheels.kinds import kinds


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What is imported."""

    modules: tuple[str, ...]
    """`a.b`, or `a.b:c` for `from a.b import c`; sorted."""

    script: str
    """The program that the image runs, if it is not Python itself."""


def imported(project: Project, command: Sequence[str], memo_directory: str | None = None) -> Names:
    """Return what *project* imports when the image runs *command*. Imports in functions count, those in tests do not."""
    there = kinds(file.path for file in collect(project, memo_directory=memo_directory))
    paths = [path for path, kind in there.items() if path.endswith(".py") and kind != "test"]
    found = {name for path in paths for name in imports_of(Path(project.root, path))}
    program = command[0] if command else ""
    if not program.rpartition("/")[2].startswith("python"):
        return Names(modules=tuple(sorted(found)), script=program)
    if "-m" in command[1:-1]:
        found |= {"runpy", command[command.index("-m") + 1]}
    return Names(modules=tuple(sorted(found)), script="")
