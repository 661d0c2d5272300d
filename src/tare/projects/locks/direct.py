"""Distributions that come from a directory, an archive or a repository, as a PEP 751 lock has them."""

from __future__ import annotations

import os
import re
from typing import Any

_commit = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def vcs(
    url: str, commit: str, *, kind: str = "git", requested: str | None = None, subdirectory: str | None = None
) -> dict[str, Any]:
    """Return the entry of a repository at one commit."""
    values = {
        "type": kind,
        "url": url.removeprefix(f"{kind}+"),
        "commit-id": commit,
        "requested-revision": requested,
        "subdirectory": subdirectory or None,
    }
    return {"vcs": _present(values)}


def directory(path: str, *, editable: bool = False, subdirectory: str | None = None) -> dict[str, Any]:
    """Return the entry of a source tree on the disk."""
    values = {"path": path, "editable": editable or None, "subdirectory": subdirectory or None}
    return {"directory": _present(values)}


def archive(place: str, hashes: frozenset[str] | set[str], *, subdirectory: str | None = None) -> dict[str, Any] | None:
    """Return the entry of one file, at a URL or a path; `None` unless exactly one hash is known for it."""
    if len(hashes) != 1:
        return None
    where = {"url": place} if "://" in place else {"path": place}
    return {"archive": _present({**where, "hashes": {"sha256": next(iter(hashes))}, "subdirectory": subdirectory})}


def local(
    path: str,
    hashes: frozenset[str] | set[str],
    *,
    editable: bool = False,
    base: str = "",
    subdirectory: str | None = None,
) -> dict[str, Any] | None:
    """Return the entry of *path*, which is a directory or an archive; relative to *base*."""
    if os.path.isdir(os.path.join(base, path)):
        return directory(path, editable=editable, subdirectory=subdirectory)
    return archive(path, hashes, subdirectory=subdirectory)


def is_commit(text: str) -> bool:
    """Return whether *text* is a whole commit's id, which no one can move."""
    return _commit.fullmatch(text) is not None


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
