"""What a Dockerfile has no words for: refused, since the file would say something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tare.dockerfile.generate.recipe import Recipe
from tare.errors import ProjectError

_PATH = re.compile(r"[\w./+@%=:-]+")
"""A path that neither a mount, nor `COPY`, nor the shell behind `RUN` takes for several words."""


def check_expressible(recipe: Recipe) -> None:
    """Raise `ProjectError` for a value of *recipe* that no instruction can have."""
    for table, values in (("env", recipe.env), ("labels", recipe.labels)):
        for name, value in values.items():
            if "\n" in name + value or "\r" in name + value:
                raise ProjectError(
                    f"a Dockerfile cannot have the line break in `{name}`, of `{table}` in [tool.tare]",
                    causes=("an instruction ends with its line",),
                    hints=("Write it on one line; or `tare build`, which needs no Dockerfile, takes it as it is",),
                )
    for path in _paths(recipe):
        if not _PATH.fullmatch(path):
            raise ProjectError(
                f"a Dockerfile cannot name `{path}`",
                causes=("a mount and a `COPY` have only letters, digits and `. / _ - + @ % = :` in a path",),
                hints=("Give it another name; or `tare build`, which needs no Dockerfile, takes it as it is",),
            )


def _paths(recipe: Recipe) -> Iterator[str]:
    """Yield the paths that stand in mounts, in `COPY`, and in commands."""
    yield recipe.directory
    if recipe.script:
        yield recipe.script
    if recipe.install is not None:
        yield from (recipe.workdir, *recipe.install.files, *recipe.install.links)
