"""The `.dockerignore` that goes with a generated Dockerfile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from tare.dockerfile.generate import merge
from tare.dockerfile.generate.ignore import ignore_parts
from tare.dockerfile.generate.recipe import Recipe
from tare.flow.dockerfiles.document import Document, read_if_there
from tare.flow.dockerfiles.member import context_root, left_out, manifests
from tare.flow.dockerfiles.wish import NAME, Wish
from tare.flow.world import World
from tare.projects import sources
from tare.projects.project import Project


def ignore_document(world: World, project: Project, recipe: Recipe, wish: Wish) -> Document:
    """Return the `.dockerignore` of the Dockerfile that *wish* names."""
    root = context_root(project, wish)
    path = f"{wish.output}.dockerignore" if wish.output != NAME else sources.IGNORE_FILE
    old = read_if_there(root, path)
    pieces = merge.split(old, path) if old is not None else ()
    needed = [*(recipe.install.files if recipe.install else ()), *([recipe.script] if recipe.script else [])]
    needed += manifests(project)
    own = (wish.output, path) if wish.output != NAME else ()  # which no general pattern names
    found = (*_made_by_tools(root), *own)
    excluded = [*_below(recipe.directory, project.config.exclude), *left_out(project, wish)]
    new = ignore_parts(sources.table(world.memo_directory), needed, found, excluded, recipe.command)
    return Document(path=path, old=old, new=merge.spelled(merge.merged(new, pieces), old))


def _below(directory: str, patterns: Iterable[str]) -> Iterator[str]:
    """Yield *patterns*, which are relative to *directory*, as they are relative to the context."""
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        yield pattern if directory == "." else f"{pattern[: len(pattern) - len(bare)]}{directory}/{bare.lstrip('/')}"


def _made_by_tools(root: str) -> list[str]:
    """Return the directories of *root* that a tool has marked as its own: environments and caches of any name."""
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    return [name for name in names if sources.is_marked(os.path.join(root, name))]
