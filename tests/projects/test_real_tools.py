"""Locks that uv, Poetry, PDM, pipenv and pip-tools write of one project: every one of them selects the same wheels.

The tools come from the machine's index and are put into environments that are thrown away; where that cannot be, the
test is skipped and says why.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from targets import target
from trees import write

from tare.projects import project
from tare.projects.resolve import locked
from tare.projects.uv import Uv, find_program

pytestmark = pytest.mark.e2e

DEPENDENCIES = (
    "fastapi==0.115.0",
    "uvicorn[standard]==0.34.3",
    "numpy==2.2.6 ; platform_machine != 'armv7l'",
    "colorama>=0.4 ; sys_platform == 'win32'",
    "tomli>=2 ; python_version < '3.11'",
)
PG = ("psycopg[binary]>=3.2,<4",)
WORKER = ("redis>=5,<9",)
PROJECT = f"""
[project]
name = "sample"
version = "0.1.0"
requires-python = ">=3.11,<3.14"
dependencies = {list(DEPENDENCIES)!r}
[project.optional-dependencies]
pg = {list(PG)!r}
[dependency-groups]
dev = ["pytest>=8"]
worker = {list(WORKER)!r}
"""
POETRY_1 = """
[tool.poetry]
name = "sample"
version = "0.1.0"
description = ""
authors = []
[tool.poetry.dependencies]
python = ">=3.11,<3.14"
fastapi = "0.115.0"
uvicorn = { version = "0.34.3", extras = ["standard"] }
numpy = { version = "2.2.6", markers = "platform_machine != 'armv7l'" }
colorama = { version = ">=0.4", platform = "win32" }
tomli = { version = ">=2", python = "<3.11" }
psycopg = { version = "^3.2", extras = ["binary"], optional = true }
[tool.poetry.extras]
pg = ["psycopg"]
[tool.poetry.group.dev.dependencies]
pytest = ">=8"
[tool.poetry.group.worker.dependencies]
redis = ">=5,<9"
"""
PIPFILE = """
[[source]]
name = "main"
url = "{index}"
verify_ssl = true
[packages]
fastapi = "==0.115.0"
uvicorn = {{ version = "==0.34.3", extras = ["standard"] }}
numpy = {{ version = "==2.2.6", markers = "platform_machine != 'armv7l'" }}
colorama = {{ version = ">=0.4", markers = "sys_platform == 'win32'" }}
[dev-packages]
pytest = ">=8"
[worker]
redis = ">=5,<9"
[pg]
psycopg = {{ version = ">=3.2,<4", extras = ["binary"] }}
"""
SOURCE = '\n[[tool.{tool}.source]]\nname = "main"\nurl = "{index}"\n'

TARGETS = tuple(
    target(version, architecture, libc)
    for version in ("3.11.9", "3.13.5")
    for architecture, libc in (("amd64", "glibc 2.41"), ("arm64", "glibc 2.41"), ("amd64", "musl 1.2"))
)

# Newer releases of these do not start together with what the tools ask for (2026-11-24).
TOOLS = {
    "poetry": ("poetry>=2.2,<3",),
    "poetry_1": ("poetry==1.8.5",),
    "pdm": ("pdm==2.26.2", "hishel<1", "unearth<0.18.2"),
    "pip-compile": ("pip-tools>=7.5,<8",),
    "pipenv": ("pipenv==2025.1.3", "setuptools<81"),
}


def run(argv: Sequence[str], cwd: Path, **env: str) -> str:
    """Run *argv*; a tool that cannot do its work here is a reason to skip."""
    done = subprocess.run(argv, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        pytest.skip(f"`{Path(argv[0]).name} {argv[1]}` fails here: {' / '.join(said[-2:])[:300]}")
    return done.stdout


@pytest.fixture(scope="session")
def index() -> str:
    """The simple index that this machine uses: named by the environment, or pip's own default."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=False)
    return done.stdout.strip() or pytest.skip("no index is configured, and pip is not there to say its own")


Install = Callable[[str], Path]


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Return what installs a tool and gives its program."""
    program = find_program(sys.executable, os.environ.get("PATH"))

    @functools.cache
    def put(tool: str) -> Path:
        directory = tmp_path_factory.mktemp(tool)
        run((program, "venv", "--quiet", "--python", sys.executable, "env"), directory)
        run((program, "pip", "install", "--quiet", "--python", "env", *TOOLS[tool]), directory)
        return directory / "env" / "bin" / tool.partition("_")[0]

    return put


@pytest.fixture(scope="session")
def uv_lock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that uv has locked: what the others are held against."""
    root = write(tmp_path_factory.mktemp("uv"), {"pyproject.toml": PROJECT})
    run((find_program(sys.executable, None), "lock", "--quiet", "--python", sys.executable), root)
    return root


def selected(path: Path, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """Return the files that each target takes."""
    uv = Uv(python=sys.executable, env=dict(os.environ))
    found = {}
    for each in TARGETS:
        selection = locked(project.read(path), each, uv, extras=extras, groups=groups)
        assert (selection.pinned, selection.hashed, selection.warnings) == (True, True, ())
        found[str(each)] = [getattr(one, "filename", one.name) for one in selection.locked]
    return found


def check_same(path: Path, uv_lock: Path, *, extra: str | None = "pg") -> None:
    """Check that *path* selects what the lock of uv does: plain, with the extra, and with a group."""
    plain = selected(uv_lock)
    assert all(len(files) > 10 for files in plain.values())
    assert selected(path) == plain
    asked = {"extras": (extra,)} if extra else {"groups": ("pg",)}
    assert selected(path, **asked) == selected(uv_lock, extras=("pg",))
    assert selected(path, groups=("worker",)) == selected(uv_lock, groups=("worker",))


def test_poetry_2(tmp_path: Path, uv_lock: Path, install: Install, index: str) -> None:
    settings = "\n[tool.poetry]\npackage-mode = false" + SOURCE.format(tool="poetry", index=index)
    write(tmp_path, {"pyproject.toml": PROJECT + settings})
    # What Poetry keeps of an index for long may lack what uv sees there today.
    run((str(install("poetry")), "lock", "--no-interaction"), tmp_path, POETRY_CACHE_DIR=str(tmp_path / "cache"))

    check_same(tmp_path, uv_lock)


def test_poetry_1(tmp_path: Path, uv_lock: Path, install: Install, index: str) -> None:
    write(tmp_path, {"pyproject.toml": POETRY_1 + SOURCE.format(tool="poetry", index=index)})
    run((str(install("poetry_1")), "lock", "--no-interaction"), tmp_path, POETRY_CACHE_DIR=str(tmp_path / "cache"))

    check_same(tmp_path, uv_lock)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [(), ("--strategy", "no_inherit_metadata")],
    ids=["marked", "graph"],
)
def test_pdm(tmp_path: Path, uv_lock: Path, install: Install, index: str, strategy: tuple[str, ...]) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT + SOURCE.format(tool="pdm", index=index)})
    pdm = str(install("pdm"))
    run((pdm, "use", "--first", sys.executable), tmp_path, PDM_CHECK_UPDATE="0")
    run((pdm, "lock", "--group", ":all", *strategy), tmp_path, PDM_CHECK_UPDATE="0")

    check_same(tmp_path, uv_lock)


@pytest.mark.slow
def test_pip_tools(tmp_path: Path, uv_lock: Path, install: Install, index: str) -> None:
    """It locks for the interpreter that it runs on, and no other."""
    write(tmp_path, {"pyproject.toml": PROJECT})
    options = ("--quiet", "--generate-hashes", "--no-emit-index-url", "--strip-extras", "--output-file")
    env = {"PIP_INDEX_URL": index}
    run((str(install("pip-compile")), *options, "requirements.txt", "pyproject.toml"), tmp_path, **env)

    plain = selected(uv_lock)
    own = str(target(f"3.{sys.version_info.minor}.9", "amd64", "glibc 2.41"))
    assert selected(tmp_path)[own] == plain[own]


@pytest.mark.slow
def test_pipenv(tmp_path: Path, uv_lock: Path, install: Install, index: str) -> None:
    write(tmp_path, {"Pipfile": PIPFILE.format(index=index)})
    env = {"WORKON_HOME": str(tmp_path / "envs"), "PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_PYTHON": sys.executable}
    run((str(install("pipenv")), "lock", "--categories", "packages dev-packages worker pg"), tmp_path, **env)

    check_same(tmp_path, uv_lock, extra=None)


@pytest.mark.parametrize("kind", ["requirements.txt", "pylock.toml"])
def test_what_uv_exports(tmp_path: Path, uv_lock: Path, kind: str) -> None:
    program = find_program(sys.executable, None)
    text = run((program, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--format", kind), uv_lock)
    write(tmp_path, {kind: text})

    assert selected(tmp_path) == selected(uv_lock)


def test_what_uv_compiles(tmp_path: Path, uv_lock: Path) -> None:
    program = find_program(sys.executable, None)
    options = ("--quiet", "--universal", "--generate-hashes", "--python-version", "3.11", "--no-annotate")
    write(tmp_path, {"requirements.txt": run((program, "pip", "compile", *options, "pyproject.toml"), uv_lock)})

    assert selected(tmp_path) == selected(uv_lock)
