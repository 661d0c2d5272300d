"""What a lock promises is held, or the lock is refused: hashes, as `sha256:` and 64 digits, and a format that is known."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tare.errors import ProjectError


def sha256s(listed: object, *, lock: str, name: str) -> frozenset[str]:
    """Return the SHA-256 of the files of *name*, in lower case; none when nothing is listed.

    Hashes of other algorithms alone are an error: without them the files would be taken unverified.
    """
    if not isinstance(listed, Iterable) or isinstance(listed, str | bytes):
        raise _invalid(lock, f"{name}: expected a list of hashes, found `{str(listed)[:40]}`")
    values = [str(value).lower() for value in listed]
    found = frozenset(value.removeprefix("sha256:") for value in values if value.startswith("sha256:"))
    wrong = [value for value in found if not re.fullmatch(r"[0-9a-f]{64}", value)]
    if wrong:
        raise _invalid(lock, f"{name}: expected a SHA-256 of 64 digits, found `{wrong[0][:80]}`")
    if values and not found:
        raise _invalid(lock, f"{name}: expected a SHA-256 among its hashes, found `{values[0][:80]}`")
    return found


def hashes_of(files: object) -> object:
    """Return the hashes of *files*, which Poetry and PDM list as tables; what is no list is handed on as it is."""
    if not isinstance(files, list | tuple):
        return files
    return [str(file["hash"]) if isinstance(file, dict) and "hash" in file else str(file) for file in files]


def check_version(found: object, known: tuple[str, ...], *, lock: str) -> None:
    """Refuse a lock whose format has another major version than *known*; one that does not say it is old enough."""
    if found is not None and str(found).partition(".")[0] not in known:
        expected = " or ".join(f"{major}.x" for major in known)
        raise _invalid(lock, f"expected version {expected} of its format, found `{str(found)[:40]}`")


def _invalid(lock: str, cause: str) -> ProjectError:
    return ProjectError(
        f"`{lock}` is not a valid lockfile", causes=(cause,), hints=("Write it anew with the tool that made it",)
    )
