"""Which files of a project go into an image."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from make.errors import told
from trees import write

from tare.errors import ProjectError
from tare.projects import sources
from tare.projects.config import ToolConfig
from tare.projects.project import Project
from tare.projects.sources import SourceFile

posix = pytest.mark.skipif(os.name == "nt", reason="links and modes are POSIX")


def taken(root: Path, *files: str, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
    write(root, dict.fromkeys(files, "x"))
    config = ToolConfig(include=include, exclude=exclude)
    return [each.path for each in sources.collect(Project(root=str(root), config=config))]


NEVER = (
    ".git/config", "libs/inner/.git", ".hg/store", "pkg/__pycache__/a.cpython-313.pyc", "pkg/a.pyc", ".venv/bin/python",
    ".mypy_cache/a", "sub/.pytest_cache/b", ".DS_Store",
)  # fmt: skip
SECRETS = (
    ".env", ".env.production", "config/prod.env", "config/server.key", "config/tls.pem", "id_rsa", "id_ed25519.pub",
    ".ssh/config", ".netrc", ".pypirc", ".aws/credentials", "deploy/secrets.yaml",
)  # fmt: skip
DEFAULT = (
    "Dockerfile", "Dockerfile.dev", "docker-compose.yml", ".gitignore", ".github/workflows/ci.yml", ".vscode/settings.json",
    "web/node_modules/x/index.js", "own.egg-info/PKG-INFO", "dist/own-1.0.tar.gz", "build/lib/a.py", "uv.lock",
    "requirements.txt", "requirements-dev.txt",
)  # fmt: skip
KEPT = (
    "main.py", "pyproject.toml", "README.md", "pkg/__init__.py", "pkg/data/table.csv", "tests/test_main.py",
    ".env.example", "certs/cacert.pem", "web/dist/app.js", "static/build/app.css", "pkg/requirements.txt",
)  # fmt: skip


def test_without_a_dockerignore_a_default_says_what_is_taken(tmp_path: Path) -> None:
    assert taken(tmp_path, *NEVER, *SECRETS, *DEFAULT, *KEPT) == sorted(KEPT)


def test_a_dockerignore_replaces_the_default_but_not_what_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("web\n!web/dist\n.dockerignore\n")

    found = taken(tmp_path, *NEVER, *SECRETS, *DEFAULT, *KEPT)

    assert found == sorted({*DEFAULT, *KEPT} - {"web/node_modules/x/index.js"})


def test_a_dockerignore_cannot_bring_back_a_secret(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*\n!.env\n!main.py\n!.git\n")

    assert taken(tmp_path, ".env", "main.py", "other.py", ".git/config") == ["main.py"]


@pytest.mark.parametrize(
    ("include", "brought"),
    [
        ((".env",), [".env"]),
        (("config/*.pem",), ["config/tls.pem"]),
        (("config",), []),
        (("**",), []),
        (("config/**",), []),
        (("*",), []),
        ((".git",), [".git/config"]),
        ((".git/config",), [".git/config"]),
        (("config/__pycache__",), ["config/__pycache__/a.pyc"]),
        (("**/id_rsa",), ["config/id_rsa"]),
    ],
)
def test_what_is_never_taken_comes_back_only_by_its_name(
    tmp_path: Path, include: tuple[str, ...], brought: list[str]
) -> None:
    files = (".env", ".git/config", "config/tls.pem", "config/id_rsa", "config/__pycache__/a.pyc", "main.py")

    assert taken(tmp_path, *files, include=include) == sorted(["main.py", *brought])


def test_include_brings_back_what_the_default_leaves_out(tmp_path: Path) -> None:
    assert taken(tmp_path, "dist/app.js", "dist/x/y.js", "build/z", include=("dist",)) == ["dist/app.js", "dist/x/y.js"]


def test_include_brings_back_something_deep_in_what_is_left_out(tmp_path: Path) -> None:
    files = ("build/a/b/keep.txt", "build/a/b/drop.txt", "build/a/other/keep.txt")

    assert taken(tmp_path, *files, include=("build/a/b/keep.txt",)) == ["build/a/b/keep.txt"]


def test_exclude_wins_over_include_and_may_have_exceptions(tmp_path: Path) -> None:
    files = ("data/a.csv", "data/big/b.csv", "data/big/keep.csv", "notes/n.md")

    found = taken(tmp_path, *files, include=("data",), exclude=("data/big", "!data/big/keep.csv", "notes"))

    assert found == ["data/a.csv", "data/big/keep.csv"]


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "oci-layout"])
def test_a_virtual_environment_or_an_image_is_known_whatever_it_is_called(tmp_path: Path, mark: str) -> None:
    files = (f"made/{mark}", "made/lib/a.py", "made.py")

    assert taken(tmp_path, *files) == ["made.py"]
    assert taken(tmp_path, *files, include=("made",)) == ["made.py", "made/lib/a.py", f"made/{mark}"]


def test_a_project_in_a_directory_with_such_a_mark_is_not_empty(tmp_path: Path) -> None:
    assert taken(tmp_path, "pyvenv.cfg", "main.py") == ["main.py", "pyvenv.cfg"]


@posix
def test_modes_are_normalized_and_sizes_are_bytes(tmp_path: Path) -> None:
    write(tmp_path, {"a.sh": "abc", "b.txt": ""})
    (tmp_path / "a.sh").chmod(0o700)
    (tmp_path / "b.txt").chmod(0o666)

    assert sources.collect(Project(root=str(tmp_path))) == (
        SourceFile(path="a.sh", size=3, mode=0o755),
        SourceFile(path="b.txt", size=0, mode=0o644),
    )


@posix
def test_links_that_stay_are_kept_as_links(tmp_path: Path) -> None:
    write(tmp_path, {"pkg/a.py": "x"})
    (tmp_path / "pkg" / "b.py").symlink_to("a.py")
    (tmp_path / "alias").symlink_to("pkg")
    (tmp_path / "pkg" / "up").symlink_to("../pkg/nowhere")

    assert sources.collect(Project(root=str(tmp_path))) == (
        SourceFile(path="alias", size=0, mode=0o777, link="pkg"),
        SourceFile(path="pkg/a.py", size=1, mode=0o644),
        SourceFile(path="pkg/b.py", size=0, mode=0o777, link="a.py"),
        SourceFile(path="pkg/up", size=0, mode=0o777, link="../pkg/nowhere"),
    )


@posix
def test_links_that_lead_out_are_refused_all_at_once(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(tmp_path, {"project/main.py": "x", "secret": "x", "project/pkg/a.py": "x"})
    (root / "absolute").symlink_to(root / "main.py")
    (root / "pkg" / "up").symlink_to("../../secret")
    (root / "hop").symlink_to("pkg/up")
    (root / "loop").symlink_to("loop")

    with pytest.raises(ProjectError) as caught:
        sources.collect(Project(root=str(root)))

    assert told(caught.value) == (
        ProjectError,
        "the project has files that cannot be in an image",
        (
            f"the symbolic link `absolute` leads out of the project, to `{root / 'main.py'}`",
            "the symbolic link `hop` leads out of the project, to `pkg/up`",
            "the symbolic link `pkg/up` leads out of the project, to `../../secret`",
        ),
        ("Leave them out with `exclude` in [tool.tare]",),
    )


@posix
def test_a_link_that_leads_out_is_no_trouble_when_it_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to("/etc")

    assert taken(tmp_path, "main.py", exclude=("data",)) == ["main.py"]


@posix
def test_pipes_and_sockets_are_no_sources(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert taken(tmp_path, "main.py") == ["main.py"]


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="only Linux has such names")
def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text("x")

    with pytest.raises(ProjectError) as caught:
        sources.collect(Project(root=str(tmp_path)))

    assert caught.value.causes == ("the name of `caf\\udce9.py` is not UTF-8",)


def test_of_a_script_only_the_script_is_taken(tmp_path: Path) -> None:
    write(tmp_path, {"job.py": "print()", "other.py": ""})

    (found,) = sources.collect(Project(root=str(tmp_path), script=str(tmp_path / "job.py")))

    assert (found.path, found.size, found.link) == ("job.py", 7, None)


def test_a_dockerignore_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("a[\n")

    with pytest.raises(ProjectError, match=r"`\.dockerignore` cannot be read"):
        taken(tmp_path)


def test_the_tables_are_remembered(tmp_path: Path) -> None:
    project = Project(root=str(write(tmp_path / "own", {"a.py": "", ".env": ""})))
    memo = tmp_path / "memo"

    first = sources.collect(project, memo_directory=str(memo))

    assert len(list(memo.iterdir())) == 1
    assert sources.collect(project, memo_directory=str(memo)) == first
    assert [each.path for each in first] == ["a.py"]
