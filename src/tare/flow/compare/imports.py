"""What a project imports that is not its own: read from its sources, so that the same is timed in every image."""

from __future__ import annotations

import sys
from pathlib import Path

from tare.projects.imports import imports_of
from tare.projects.project import Project
from tare.projects.sources import collect


def imported(project: Project) -> tuple[str, ...]:
    """Return the top-level modules that *project* imports and neither has itself nor finds in the standard library."""
    paths = [file.path for file in collect(project) if file.path.endswith(".py")]
    own = {part for path in paths for part in path.removesuffix(".py").split("/")}
    found = {
        name.partition(":")[0].partition(".")[0] for path in paths for name in imports_of(Path(project.root, path))
    }
    return tuple(sorted(found - own - sys.stdlib_module_names))
