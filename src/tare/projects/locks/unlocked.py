"""A project or script without a lock: uv chooses now, and the build says that it is not pinned."""

from __future__ import annotations

import os
import tomllib

from packaging.pylock import Pylock

from tare.projects import files, poetry
from tare.projects.discovery import Lock
from tare.projects.locks import pylock
from tare.projects.locks.interface import Request, Resolution
from tare.projects.locks.pins import Source, assembled
from tare.projects.names import check_known
from tare.projects.project import Project
from tare.projects.uv import Uv
from tare.projects.watched import listing, of_backend, pages


def resolve(lock: Lock, project: Project, request: Request, uv: Uv) -> Resolution:
    """Resolve what the manifest asks for."""
    if project.extras or not _read_by_backend(lock, project):  # otherwise uv asks the backend, and knows
        check_known("extra", request.extras, project.extras, project.name or lock.name)
    check_known("group", request.groups, project.groups, project.name or lock.name)
    needs = project.has_dependencies or request.extras or request.groups
    found = _resolved(lock, project, request, uv) if needs else nothing(project)
    return Resolution(
        pylock=found,
        origin=lock.name,
        directory=project.root,
        pinned=not found.packages,
        hashed=not found.packages,
        inputs=(lock.path, *_read_by_backend(lock, project)),
        warnings=(f"the build is not pinned: there is no lockfile for `{lock.name}`",) if found.packages else (),
    )


def nothing(project: Project) -> Pylock:
    """Return the lock of a project that needs nothing."""
    return assembled([], Source(origin="", directory=project.root))


def _resolved(lock: Lock, project: Project, request: Request, uv: Uv) -> Pylock:
    answer = _script(lock, project, uv) if lock.kind == "script" else _manifest(lock, project, request, uv)
    return pylock.parse(tomllib.loads(answer.decode()), lock.name)


def _script(lock: Lock, project: Project, uv: Uv) -> bytes:
    """Resolve a script. `uv pip compile` reads its requirements but not its sources, and would ask an index for them."""
    return uv.export(
        what=f"cannot resolve `{lock.name}`",
        directory=project.root,
        args=("--python", uv.python, "--script", os.path.join(os.curdir, os.path.relpath(lock.path, project.root))),
        inputs=(files.read_bytes(lock.path),),
    )


def _manifest(lock: Lock, project: Project, request: Request, uv: Uv) -> bytes:
    data = files.read_bytes(lock.path)
    legacy = lock.name == "setup.py"
    document = {} if legacy else files.toml(lock.path, data)
    if "project" in document or not poetry.table(document):
        options = [part for name in request.extras for part in ("--extra", name)]
        options += [part for name in request.groups for part in ("--group", name)]
        args, stdin = (*options, os.path.basename(lock.path)), ""
    else:
        args, stdin = (
            ("-",),
            "\n".join(poetry.requirements(poetry.table(document), request.extras, request.groups, project.root)) + "\n",
        )
    beside = _read_by_backend(lock, project)
    if beside and project.name:  # uv remembers what a backend said, and does not know of every file that it reads
        args = ("--refresh-package", project.name, *args)
    inputs = (
        data,
        *map(_content, beside),
        *(listing(place).encode("utf-8", "surrogateescape") for place in pages(project, uv.env)),
    )
    what = f"cannot resolve `{lock.name}`"
    return uv.compile(what=what, directory=project.root, python=request.python, stdin=stdin, args=args, inputs=inputs)


def _read_by_backend(lock: Lock, project: Project) -> tuple[str, ...]:
    """Return what the answer follows from besides the manifest, where a build backend is asked."""
    if lock.kind != "pyproject" or not (project.has_build_system or project.has_dependencies):
        return ()
    document = {} if lock.name == "setup.py" else files.toml(lock.path)
    return () if poetry.table(document) else of_backend(project.root, document)


def _content(path: str) -> bytes:
    return files.read_bytes(path) if os.path.isfile(path) else b""
