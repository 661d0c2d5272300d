"""What a project imports that is not its own: read from its sources, so that the same is timed in every image."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from tare.projects.project import Project
from tare.projects.sources import collect


def imported(project: Project) -> tuple[str, ...]:
    """Return the top-level modules that *project* imports and neither has itself nor finds in the standard library."""
    paths = [file.path for file in collect(project) if file.path.endswith(".py")]
    own = {part for path in paths for part in path.removesuffix(".py").split("/")}
    found = {name for path in paths for name in _names(Path(project.root, path))}
    return tuple(sorted(found - own - sys.stdlib_module_names))


def _names(path: Path) -> Iterator[str]:
    """Yield the first part of each module that a file imports; a file that cannot be read imports nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What a compiler says of somebody's string literals is theirs.
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
