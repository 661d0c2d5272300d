"""`direct_url.json`: where a distribution came from, when it was not an index.

https://packaging.python.org/en/latest/specifications/direct-url-data-structure/ (PEP 610)
"""

from __future__ import annotations

import msgspec

from tare.projects.locked import Locked, LockedArchive, LockedDirectory, LockedVcs, LockedWheel
from tare.projects.redaction import split


def direct_url(locked: Locked) -> bytes:
    """Return the content of `direct_url.json`, or nothing for a distribution of an index.

    A directory of this machine is named without its path: it means nothing in an image, and would differ between
    machines.
    """
    document = _document(locked)
    return msgspec.json.encode(document, order="sorted") if document else b""


def _document(locked: Locked) -> dict[str, object]:
    match locked:
        case LockedVcs():
            info = {"vcs": locked.kind, "commit_id": locked.commit}
            if locked.requested:
                info["requested_revision"] = locked.requested
            return _with_subdirectory(
                {"url": split(locked.url)[0] if locked.url else "file:///", "vcs_info": info}, locked.subdirectory
            )
        case LockedArchive():
            return _with_subdirectory(
                {"url": _url(locked.url), "archive_info": {"hashes": locked.hashes}}, locked.subdirectory
            )
        case LockedWheel(direct=True):
            return {"url": _url(locked.url), "archive_info": {"hashes": locked.hashes}}
        case LockedDirectory():
            return {"url": "file:///", "dir_info": {}}
        case _:
            return {}


def _url(url: str | None) -> str:
    return split(url)[0] if url else "file:///"


def _with_subdirectory(document: dict[str, object], subdirectory: str | None) -> dict[str, object]:
    return {**document, "subdirectory": subdirectory} if subdirectory else document
