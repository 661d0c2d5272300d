"""A commit of a repository, on the disk: git fetches it, and what it fetched is held against the lock."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from tare.errors import IntegrityError, MachineError, NetworkError, ProjectError
from tare.projects import files
from tare.projects.locked import LockedVcs
from tare.projects.process import Finished, Runner, run
from tare.projects.redaction import redacted

_commit = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")

_SETTINGS = ("-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false", "-c", "core.hooksPath=")
"""`ext::` runs a command, and nothing but a command; a hook of the machine's templates is not wanted either."""


def check_out(locked: LockedVcs, directory: str, *, env: Mapping[str, str], runner: Runner = run) -> str:
    """Put the tree of *locked* into *directory*, which must not be there; return the path to build from."""
    name = f"`{locked.name}`"
    place = locked.url or locked.path or ""
    if locked.kind != "git":
        raise ProjectError(
            f"cannot build {name}", causes=(f"it is in a `{locked.kind}` repository; tare reads `git` only",)
        )
    if _commit.fullmatch(locked.commit) is None:
        raise ProjectError(f"cannot build {name}", causes=(f"`{locked.commit[:80]}` is not the id of a commit",))
    if place.startswith("-"):
        raise ProjectError(f"cannot build {name}", causes=(f"`{place[:80]}` is no address of a repository",))
    environment = {**env, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
    os.makedirs(directory)

    def git(*args: str) -> Finished:
        return runner(("git", *_SETTINGS, *args), env=environment, cwd=directory)

    _check(git("init", "--quiet"), name)
    everything = ("fetch", "--quiet", "--tags", "--", place, "+refs/heads/*:refs/remotes/origin/*")
    # A server need not give out a commit by its id; then everything is fetched.
    shallow = git("fetch", "--quiet", "--depth=1", "--", place, locked.commit).status == 0
    if not shallow:
        _check(git(*everything), name)
    _check(git("checkout", "--quiet", "--detach", locked.commit), name)
    if shallow and not _states_its_version(directory, locked):
        _check(git("fetch", "--quiet", "--unshallow", "--tags", "--", place, locked.commit), name)
    found = git("rev-parse", "HEAD").stdout.decode("ascii", "replace").strip()
    if found != locked.commit:
        raise IntegrityError(
            f"{name} is not what was locked", causes=(f"expected commit {locked.commit}, got {found}",)
        )
    _check(git("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"), name)
    return _below(directory, locked)


def _states_its_version(directory: str, locked: LockedVcs) -> bool:
    """Return whether the manifest has the version; if not, it may follow from the tags before the commit."""
    try:
        project = files.toml(os.path.join(_below(directory, locked), "pyproject.toml")).get("project", {})
    except (ProjectError, MachineError):
        return False
    return isinstance(project, dict) and isinstance(project.get("version"), str)


def _check(done: Finished, name: str) -> None:
    if done.status == 0:
        return
    lines = [redacted(line).removeprefix("fatal: ") for line in done.stderr.splitlines() if line.strip()]
    raise NetworkError(f"cannot fetch {name}", causes=_last(lines))


def _last(lines: Sequence[str]) -> tuple[str, ...]:
    return tuple(line[:300] for line in lines[-4:]) or ("git gave no reason",)


def _below(directory: str, locked: LockedVcs) -> str:
    if locked.subdirectory is None:
        return directory
    path = os.path.realpath(os.path.join(directory, locked.subdirectory))
    if not path.startswith(os.path.join(os.path.realpath(directory), "")):
        raise IntegrityError(f"`{locked.name}` leads out of its repository", causes=(f"to `{locked.subdirectory}`",))
    if not os.path.isdir(path):
        raise MachineError(f"`{locked.name}` has no `{locked.subdirectory}`")
    return path
