"""Which directory a build is probably given, when nobody says it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tare.dockerfile.beside import MANIFESTS
from tare.dockerfile.parse.source import Source
from tare.errors import TareError


def context_of(dockerfile: str, source: Source) -> str:
    """Return the directory that a build of *dockerfile*, which says *source*, is probably given.

    The nearest one upwards that has a project, within the repository; the Dockerfile's own when there is none. Of a member
    of a workspace of uv it is the workspace, where only that has what the file takes from the context: there is one lock.
    """
    nearest = _nearest(dockerfile)
    if not os.path.isfile(os.path.join(nearest, "pyproject.toml")) or os.path.isfile(os.path.join(nearest, "uv.lock")):
        return nearest
    from tare.projects.discovery import workspace_above

    try:
        workspace = workspace_above(nearest)
    except TareError:  # a manifest above that is no TOML: this file may have nothing to do with it
        return nearest
    if workspace is None:
        return nearest
    taken = [path for path in _taken(source) if not os.path.exists(os.path.join(nearest, path))]
    return workspace if any(os.path.exists(os.path.join(workspace, path)) for path in taken) else nearest


def _nearest(dockerfile: str) -> str:
    own = os.path.dirname(os.path.abspath(dockerfile))
    directory = own
    for _ in range(4):
        if any(os.path.isfile(os.path.join(directory, name)) for name in MANIFESTS):
            return directory
        above = os.path.dirname(directory)
        if above == directory or os.path.exists(os.path.join(directory, ".git")):
            break
        directory = above
    return own


def _taken(source: Source) -> Iterator[str]:
    """Yield the paths that *source* takes from the context, as they are written."""
    from tare.dockerfile.parse.parse import parse

    for instruction in parse(source).instructions:
        if instruction.name in {"COPY", "ADD"} and instruction.flag("from") is None:
            yield from (word.text.lstrip("/") for word in instruction.words[:-1])
        for mount in instruction.mounts:
            if mount.kind == "bind" and not mount.origin:
                yield mount.source.lstrip("/")
