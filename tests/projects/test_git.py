"""Checking out a commit, with the real git and a repository on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from make.errors import told
from trees import write

from tare.errors import IntegrityError, NetworkError, ProjectError
from tare.projects import git
from tare.projects.locked import LockedVcs
from tare.projects.process import Finished

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not there")

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
AUTHOR = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "protocol.file.allow=always")


def run(root: Path, *args: str) -> str:
    done = subprocess.run(("git", *AUTHOR, *args), cwd=root, env=ENV, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    write(root, {"pyproject.toml": "first", "python/inner.txt": "inner"})
    run(root, "init", "--quiet")
    run(root, "add", ".")
    run(root, "commit", "--quiet", "-m", "first")
    write(root, {"pyproject.toml": "second"})
    run(root, "commit", "--quiet", "-am", "second")
    return root


def locked(repository: Path, commit: str, **more: str) -> LockedVcs:
    values = {"name": "pkg", "kind": "git", "commit": commit, "url": repository.as_uri(), **more}
    return LockedVcs(**values)


@pytest.mark.parametrize(("revision", "content"), [("HEAD", "second"), ("HEAD~1", "first")])
def test_the_tree_of_the_commit_is_there(repository: Path, tmp_path: Path, revision: str, content: str) -> None:
    path = git.check_out(locked(repository, run(repository, "rev-parse", revision)), str(tmp_path / "out"), env=ENV)

    assert path == str(tmp_path / "out")
    assert Path(path, "pyproject.toml").read_text() == content


VERSIONS = {'[project]\nname = "pkg"\nversion = "1"\n': False, '[project]\nname = "pkg"\ndynamic = ["version"]\n': True}


@pytest.mark.parametrize(("manifest", "described"), VERSIONS.items())
@pytest.mark.parametrize("gives_commits", [True, False])
def test_tags_are_there_where_a_version_may_follow_from_them(
    repository: Path, tmp_path: Path, manifest: str, *, described: bool, gives_commits: bool
) -> None:
    run(repository, "tag", "v1.2")
    write(repository, {"pyproject.toml": manifest})
    run(repository, "commit", "--quiet", "-am", "third")
    commit = run(repository, "rev-parse", "HEAD")
    run(repository, "commit", "--quiet", "--allow-empty", "-m", "later")
    run(repository, "config", "uploadpack.allowAnySHA1InWant", str(gives_commits).lower())

    path = git.check_out(locked(repository, commit), str(tmp_path / "out"), env=ENV)

    found = run(Path(path), "describe", "--tags", "--always", "--dirty")
    assert found == f"v1.2-1-g{commit[:7]}" if described else found in {commit[:7], f"v1.2-1-g{commit[:7]}"}


def test_a_subdirectory_is_where_to_build(repository: Path, tmp_path: Path) -> None:
    wanted = locked(repository, run(repository, "rev-parse", "HEAD"), subdirectory="python")

    assert Path(git.check_out(wanted, str(tmp_path / "out"), env=ENV)) == (tmp_path / "out" / "python").resolve()


def test_a_commit_that_is_not_there_is_an_error_of_the_network_in_gits_words(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as caught:
        git.check_out(locked(repository, "1" * 40), str(tmp_path / "out"), env=ENV)

    assert caught.value.message == "cannot fetch `pkg`"
    assert "1" * 40 in caught.value.causes[-1]


def test_another_commit_than_the_one_that_was_locked_is_refused(repository: Path, tmp_path: Path) -> None:
    def runner(*_: object, **__: object) -> Finished:
        return Finished(status=0, stdout=b"2" * 40 + b"\n", stderr="")

    with pytest.raises(IntegrityError) as caught:
        git.check_out(locked(repository, "1" * 40), str(tmp_path / "out"), env=ENV, runner=runner)

    assert told(caught.value)[1:3] == ("`pkg` is not what was locked", (f"expected commit {'1' * 40}, got {'2' * 40}",))


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"kind": "hg"}, "it is in a `hg` repository; tare reads `git` only"),
        ({"commit": "main"}, "`main` is not the id of a commit"),
        ({"commit": "--upload-pack=x"}, "`--upload-pack=x` is not the id of a commit"),
        ({"url": "--upload-pack=touch x"}, "`--upload-pack=touch x` is no address of a repository"),
    ],
)
def test_what_is_no_commit_of_a_repository_is_refused_before_git_sees_it(
    tmp_path: Path, fields: dict[str, str], cause: str
) -> None:
    def runner(*_: object, **__: object) -> Finished:
        pytest.fail("git was run")

    values = {"name": "pkg", "kind": "git", "commit": "1" * 40, "url": "https://git.example/r.git", **fields}
    with pytest.raises(ProjectError) as caught:
        git.check_out(LockedVcs(**values), str(tmp_path / "out"), env=ENV, runner=runner)

    assert told(caught.value)[1:3] == ("cannot build `pkg`", (cause,))


def test_an_address_that_would_run_a_command_runs_none(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = LockedVcs(name="pkg", kind="git", commit="1" * 40, url=f"ext::touch {mark}")

    with pytest.raises(NetworkError):
        git.check_out(evil, str(tmp_path / "out"), env=ENV)

    assert not mark.exists()


def test_a_link_that_leads_out_is_no_subdirectory(repository: Path, tmp_path: Path) -> None:
    (repository / "out").symlink_to(tmp_path)
    run(repository, "add", ".")
    run(repository, "commit", "--quiet", "-m", "link")
    wanted = locked(repository, run(repository, "rev-parse", "HEAD"), subdirectory="out")

    with pytest.raises(IntegrityError, match="leads out of its repository"):
        git.check_out(wanted, str(tmp_path / "checkout"), env=ENV)
