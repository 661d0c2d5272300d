"""Finding what a project consists of: its manifest and its lock, before any of it is decoded.

No path here is a `pathlib.Path`: this module is on the path of a build that has nothing to do, and pathlib costs 5 ms.
"""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from tare.errors import ProjectError
from tare.projects import files

_LEGACY = "setup.py"

Kind = Literal["pylock", "uv", "poetry", "pdm", "pipfile", "requirements", "pyproject", "script"]
"""What a resolution comes from; the last two are not locks."""

_CANDIDATES: tuple[tuple[str, Kind], ...] = (
    ("pylock.toml", "pylock"),
    ("uv.lock", "uv"),
    ("poetry.lock", "poetry"),
    ("pdm.lock", "pdm"),
    ("Pipfile.lock", "pipfile"),
    ("requirements.txt", "requirements"),
    ("requirements.lock", "requirements"),
    ("requirements/prod.txt", "requirements"),
    ("requirements/production.txt", "requirements"),
    ("requirements/base.txt", "requirements"),
    ("requirements.in", "requirements"),
)
"""Where a project's lock is looked for; the first one that is there is taken."""

_ACCEPTED = (
    "a directory, `pyproject.toml`, `pylock.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`, `Pipfile.lock`, "
    "a requirements file or a script"
)


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """The file that says which distributions the project needs."""

    kind: Kind

    path: str
    """Absolute."""

    @property
    def name(self) -> str:
        """The file's own name, as messages call it."""
        return files.name(self.path)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What lies where the project is, undecoded."""

    root: str
    manifest: str | None
    data: bytes
    """The manifest's content."""

    lock: Lock | None
    pipfile: bytes = b""
    """The content of a `Pipfile`, where it is its lock that counts or no lock is there."""

    is_script: bool = False
    workspace: str | None = None
    has_legacy: bool = False
    """Whether there is a `setup.py`, for which setuptools is the build system (PEP 517)."""

    warnings: tuple[str, ...] = ()


def find(path: str, lock: str | None) -> Found:
    if os.path.isdir(path):
        return _in_directory(path, _named(lock) if lock else None)
    base = os.path.basename(path)
    if not os.path.exists(path):
        raise ProjectError(f"there is no `{path}`", hints=(f"Name {_ACCEPTED}",))
    if base in {"pyproject.toml", "Pipfile"}:
        return _in_directory(os.path.dirname(path), _named(lock) if lock else None)
    if base == _LEGACY and not _is_script(path):
        return _in_directory(os.path.dirname(path), _named(lock) if lock else None)
    if base.endswith((".py", ".py.lock")) or _is_script(path):
        return _script(path.removesuffix(".lock"))
    return _in_directory(_root_of(path), _named(lock or path))


def _named(path: str) -> Lock:
    """Return the lockfile that the user named."""
    base = os.path.basename(path)
    known = dict(_CANDIDATES)
    if base in known:
        return Lock(kind=known[base], path=path)
    if base.startswith("pylock.") and base.endswith(".toml") and base.count(".") == 2:
        return Lock(kind="pylock", path=path)
    if base == "pyproject.toml":
        return Lock(kind="pyproject", path=path)
    if base.endswith((".txt", ".in")):
        return Lock(kind="requirements", path=path)
    raise ProjectError(f"`{base}` is no lockfile that tare knows", hints=(f"Name {_ACCEPTED}",))


def _root_of(path: str) -> str:
    """Return the project's directory, given one of its lockfiles: `requirements/prod.txt` is one level down."""
    directory = os.path.dirname(path)
    return os.path.dirname(directory) if os.path.basename(directory) == "requirements" else directory


def _in_directory(root: str, named: Lock | None) -> Found:
    manifest = os.path.join(root, "pyproject.toml")
    data = files.read_bytes(manifest) if os.path.isfile(manifest) else None
    lock, warnings = (named, ()) if named else _discover(root)
    workspace = None
    if lock is None and data is not None:
        workspace = workspace_above(root)
        lock = (
            Lock(kind="uv", path=os.path.join(workspace, "uv.lock"))
            if workspace
            else Lock(kind="pyproject", path=manifest)
        )
    legacy = os.path.join(root, _LEGACY)
    has_legacy = os.path.isfile(legacy) and _is_of_setuptools(legacy)
    if lock is None and has_legacy:
        lock = Lock(kind="pyproject", path=legacy)
    if lock is not None and not os.path.isfile(lock.path):
        raise ProjectError(f"there is no `{lock.path}`")
    pipfile = os.path.join(root, "Pipfile")
    is_pipenv = (lock is None or lock.kind in {"pipfile", "pyproject"}) and os.path.isfile(pipfile)
    return Found(
        root=root,
        manifest=manifest if data is not None else None,
        data=data or b"",
        lock=lock,
        pipfile=files.read_bytes(pipfile) if is_pipenv else b"",
        workspace=workspace,
        has_legacy=has_legacy,
        warnings=warnings,
    )


def _discover(root: str) -> tuple[Lock | None, tuple[str, ...]]:
    there = [(name, kind) for name, kind in _CANDIDATES if os.path.isfile(os.path.join(root, *name.split("/")))]
    if not there:
        return None, _passed_over(root)
    taken, kind = there[0]
    # `requirements.in` is what `requirements.txt` was made from: several of that kind do not contradict each other.
    others = [f"`{name}`" for name, other in there[1:] if other != kind]
    warning = f"`{taken}` is taken, and {' and '.join(others)} not" if others else None
    return Lock(kind=kind, path=os.path.join(root, *taken.split("/"))), (warning,) if warning else ()


_FOR_WORK = ("dev", "test", "doc", "lint", "typ", "ci", "build", "constraint")
"""What is in the name of a requirements file that is for working on a project."""


def _passed_over(root: str) -> tuple[str, ...]:
    """Warn of files that may be the lock and have a name of their own: which one is meant is for a person to say."""
    names = [name for name in sorted(os.listdir(root)) if _may_be_lock(name)]
    if not names:
        return ()
    return (
        f"{' and '.join(f'`{name}`' for name in names)} {'is' if len(names) == 1 else 'are'} not taken: name the one that is meant with `--lock`",
    )


def _may_be_lock(name: str) -> bool:
    if name.startswith("pylock.") and name.endswith(".toml"):
        return True
    is_requirements = name.startswith("requirements") and name.endswith((".txt", ".in"))
    return is_requirements and not any(word in name.removeprefix("requirements") for word in _FOR_WORK)


def workspace_above(root: str) -> str | None:
    """Return the nearest directory above that has a `uv.lock` and a manifest that names a workspace."""
    directory = os.path.dirname(root)
    while directory != os.path.dirname(directory):
        manifest = os.path.join(directory, "pyproject.toml")
        if os.path.isfile(os.path.join(directory, "uv.lock")) and os.path.isfile(manifest):
            settings = files.toml(manifest).get("tool", {}).get("uv", {})
            return directory if "workspace" in settings else None
        directory = os.path.dirname(directory)
    return None


def _is_of_setuptools(path: str) -> bool:
    """Return whether a `setup.py` is one: programs of that name set up other things."""
    data = files.read_bytes(path)
    return b"setuptools" in data or b"distutils" in data


def _is_script(path: str) -> bool:
    """Return whether a file of any name has the metadata of a script (PEP 723), which is read as one then."""
    if path.endswith((".toml", ".lock", ".txt", ".in")) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return b"\n# /// script" in b"\n" + file.read(64 * 1024)


def _script(path: str) -> Found:
    data = files.read_bytes(path)
    locked = f"{path}.lock"
    lock = Lock(kind="uv", path=locked) if os.path.isfile(locked) else Lock(kind="script", path=path)
    return Found(root=os.path.dirname(path), manifest=path, data=data, lock=lock, is_script=True)
