"""Generated Dockerfiles of projects that are laid out in other ways, built by a real engine and run.

Workspaces, dependencies that lie in the project, projects that are installed themselves, versions from version control,
private indexes, and distributions that are compiled: `make test-dockerfiles`.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dockerfile_lab import Lab, image
from loopback import Handler, running_server
from make.wheelhouse import Release, Wheelhouse
from tool_locks import index, lock
from trees import write

from tare.engines.building import BuildOptions

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
OTHER = "iniconfig"
"""A small distribution of an index."""

MAIN = f"import {OTHER}\nimport own\n\nprint(own.__file__, {OTHER}.__name__)\n"
INSTALLED = "/opt/venv/lib/python3.13/site-packages/own/__init__.py"
LINKED = "/app/lib/src/own/__init__.py"


def manifest(name: str, *dependencies: str, more: str = "") -> str:
    listed = ", ".join(f'"{each}"' for each in dependencies)
    head = f'[project]\nname = "{name}"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
    return f"{head}dependencies = [{listed}]\n{more}"


LIB = {"lib/pyproject.toml": manifest("own", more=BUILD), "lib/src/own/__init__.py": ""}


def poetry_source() -> str:
    return f"\n[[tool.poetry.source]]\nname = 'main'\nurl = '{index()}'\n"


def path_layout(tool: str, *, editable: bool) -> dict[str, str]:
    """Return the files of a project of *tool* with a dependency in `lib`."""
    link, edit = ("-e " if editable else ""), str(editable).lower()
    files = {"main.py": MAIN, **LIB}
    if tool == "pip":
        return {**files, "requirements.txt": f"{link}./lib\n{OTHER}==2.1.0\n"}
    if tool == "pipenv":
        rows = f'own = {{path = "./lib", editable = {edit}}}\n{OTHER} = "*"\n'
        return {**files, "Pipfile": f'[packages]\n{rows}\n[requires]\npython_version = "3.13"\n'}
    if tool == "poetry":
        rows = f'python = ">=3.11"\nown = {{path = "lib", develop = {edit}}}\n{OTHER} = "*"\n'
        settings = f"[tool.poetry]\npackage-mode = false\n\n[tool.poetry.dependencies]\n{rows}"
        return {**files, "pyproject.toml": settings + poetry_source()}
    if tool == "pdm":
        asked = ("own @ file:///${PROJECT_ROOT}/lib", OTHER)
        return {**files, "pyproject.toml": manifest("app", *asked, more="[tool.pdm]\ndistribution = false\n")}
    sources = f'[tool.uv.sources]\nown = {{path = "lib", editable = {edit}}}\n'
    return {**files, "pyproject.toml": manifest("app", "own", OTHER, more=sources)}


@pytest.mark.parametrize(
    ("tool", "editable"),
    [(tool, editable) for tool in ("uv", "poetry", "pipenv", "pip") for editable in (False, True)] + [("pdm", False)],
)
def test_a_dependency_that_lies_in_the_project(tool: str, *, editable: bool, lab: Lab, tmp_path: Path) -> None:
    """With pdm, editable is for development alone; uv installs all of them whole."""
    app = write(tmp_path / f"{tool}-{editable}", path_layout(tool, editable=editable))
    if tool != "pip":
        lock(tool, app, tmp_path)

    with image(lab, app) as printed:
        assert printed() == f"{LINKED if editable and tool != 'uv' else INSTALLED} {OTHER}\n"


MEMBER = "from own.greet import main\n"
WORKSPACE = {
    "pyproject.toml": manifest(
        "app",
        "own",
        more='[tool.uv.sources]\nown = { workspace = true }\n[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    ),
    "main.py": "from own import greet\n\ngreet.main()\n",
    "packages/own/pyproject.toml": manifest("own", OTHER, more=f'[project.scripts]\nown = "own.greet:main"\n{BUILD}'),
    "packages/own/src/own/__init__.py": "",
    "packages/own/src/own/greet.py": f"import {OTHER}\n\n\ndef main():\n    print({OTHER}.__name__, __file__)\n",
    "packages/other/pyproject.toml": manifest("other", "tomli-w", more=BUILD),
    "packages/other/src/other/__init__.py": "",
}


def test_a_workspace_whose_root_is_the_project(lab: Lab, tmp_path: Path) -> None:
    app = write(tmp_path / "workspace", WORKSPACE)
    lock("uv", app, tmp_path)

    with image(lab, app) as printed:
        assert printed() == f"{OTHER} {INSTALLED.replace('__init__', 'greet')}\n"
        assert printed("python", "-c", DISTRIBUTIONS) == "iniconfig own\n"


def test_one_member_of_a_workspace(lab: Lab, tmp_path: Path) -> None:
    """Of the other one nothing is sent but its manifest, which uv holds the lock against."""
    app = write(tmp_path / "member", WORKSPACE)
    lock("uv", app, tmp_path)

    with image(lab, app, "--package", "own") as printed:
        assert printed() == f"{OTHER} {INSTALLED.replace('__init__', 'greet')}\n"
        assert printed("python", "-c", DISTRIBUTIONS) == "iniconfig own\n"
        assert printed("sh", "-c", "ls -A /app") == ""
    assert "\npackages/other/**\n!packages/other/pyproject.toml\n" in (app / ".dockerignore").read_text()


DISTRIBUTIONS = """
from importlib.metadata import distributions
print(*sorted(each.name for each in distributions()))
"""
"""Runs in the container: what is installed."""


GROUPS = {
    "main.py": f'from pathlib import Path\n\nPath("/data/written").write_text("as the user")\n{DISTRIBUTIONS}',
    "pyproject.toml": manifest(
        "app",
        OTHER,
        more='[project.optional-dependencies]\npg = ["idna"]\nunused = ["six"]\n'
        '[dependency-groups]\ndev = ["toml"]\ndocs = ["packaging"]\nmore = ["colorama"]\n'
        '[tool.uv]\ndefault-groups = ["dev", "more"]\n'
        '[tool.tare]\nvolumes = ["/data", "/var/lib/state"]\n',
    ),
}


@pytest.mark.parametrize(
    ("options", "found"), [((), "iniconfig"), (("--extra", "pg", "--group", "docs"), "idna iniconfig packaging")]
)
def test_extras_groups_and_volumes(options: tuple[str, ...], found: str, lab: Lab, tmp_path: Path) -> None:
    """The groups that uv installs by default are for work on the project."""
    app = write(tmp_path / f"groups{len(options)}", GROUPS)
    lock("uv", app, tmp_path)

    with image(lab, app, *options) as printed:
        assert printed() == f"{found}\n"
        assert (
            printed("stat", "-c", "%u:%g %n", "/data", "/var/lib/state")
            == "65532:65532 /data\n65532:65532 /var/lib/state\n"
        )


VERSIONS = {
    "setuptools-scm": (
        '[build-system]\nrequires = ["setuptools>=64", "setuptools-scm>=8"]\nbuild-backend = "setuptools.build_meta"\n'
        "[tool.setuptools_scm]\n",
        "SETUPTOOLS_SCM_PRETEND_VERSION",
    ),
    "hatch-vcs": (
        '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
        '[tool.hatch.version]\nsource = "vcs"\n',
        "SETUPTOOLS_SCM_PRETEND_VERSION",
    ),
    "uv-dynamic-versioning": (
        '[build-system]\nrequires = ["hatchling", "uv-dynamic-versioning"]\nbuild-backend = "hatchling.build"\n'
        '[tool.hatch.version]\nsource = "uv-dynamic-versioning"\n',
        "UV_DYNAMIC_VERSIONING_BYPASS",
    ),
}


@pytest.mark.parametrize("plugin", VERSIONS)
def test_a_version_from_version_control_is_an_argument(plugin: str, lab: Lab, tmp_path: Path) -> None:
    build, argument = VERSIONS[plugin]
    files = {
        "src/app/__init__.py": "",
        "src/app/__main__.py": 'from importlib.metadata import version\n\nprint(version("app"))\n',
        "pyproject.toml": manifest("app", OTHER, more=build).replace('version = "1.0"', 'dynamic = ["version"]'),
    }
    app = write(tmp_path / plugin, files)
    subprocess.run(["git", "init", "--quiet", str(app)], check=True)
    lock("uv", app, tmp_path, {argument: "0.1"})

    with image(lab, app, build_args={argument: "1.2.3"}) as printed:
        assert printed() == "1.2.3\n"


INSTALLED_PROJECT = {
    "src/app/__init__.py": "",
    "src/app/main.py": f"import {OTHER}\n\n\ndef main():\n    print({OTHER}.__name__, __file__)\n",
}


def installed_project(tool: str) -> dict[str, str]:
    scripts = '[project.scripts]\napp = "app.main:main"\n'
    build = {
        "poetry": '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
        + poetry_source(),
        "pdm": '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n',
        "pip": '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n',
    }.get(tool, BUILD)
    files = {**INSTALLED_PROJECT, "pyproject.toml": manifest("app", OTHER, more=scripts + build)}
    if tool == "pip":
        return {**files, "requirements.txt": f"{OTHER}==2.1.0\n"}
    if tool == "pipenv":
        return {**files, "Pipfile": f'[packages]\n{OTHER} = "*"\n\n[requires]\npython_version = "3.13"\n'}
    return files


@pytest.mark.parametrize("tool", ["uv", "poetry", "pdm", "pipenv", "pip"])
def test_a_project_that_is_installed_runs_its_command(tool: str, lab: Lab, tmp_path: Path) -> None:
    app = write(tmp_path / f"installed-{tool}", installed_project(tool))
    if tool != "pip":
        lock(tool, app, tmp_path)

    with image(lab, app) as printed:
        assert printed() == f"{OTHER} {INSTALLED.replace('own/__init__', 'app/main')}\n"
        assert printed("sh", "-c", "ls -A /app") == ""


COMPILED = {
    "psycopg2": ("2.9.10", "import psycopg2\nprint(psycopg2.__libpq_version__ > 170000)\n"),
    "mysqlclient": ("2.2.7", "import MySQLdb\nprint(MySQLdb.get_client_info() > '3')\n"),
    "pycairo": ("1.27.0", "import cairo\nprint(cairo.cairo_version() > 11600)\n"),
}
"""Distributions that have no wheel for Linux, and a program that uses the library of the system."""


@pytest.fixture(scope="session")
def headers(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A replica with Python's headers, which every official image has."""
    place, slim = tmp_path_factory.mktemp("headers"), lab.replica("3.13-slim-trixie")
    lines = (
        f"FROM {slim}",
        "RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt apt-get update"
        " && apt-get install -y --no-install-recommends libpython3.13-dev && rm -rf /var/lib/apt/lists/*",
    )
    write(place, {"Dockerfile": "\n".join(lines) + "\n"})
    name = slim.replace("library/python", "headers/python")
    secrets = {"certificates": lab.bundle}
    lab.builder.build(place, BuildOptions(tag=name, host_network=True, secrets=secrets, timeout=900))
    lab.push(name)
    return name


@pytest.mark.parametrize("name", COMPILED)
def test_what_has_no_wheel_is_built_and_finds_its_library(name: str, lab: Lab, headers: str, tmp_path: Path) -> None:
    version, program = COMPILED[name]
    app = write(tmp_path / name, {"main.py": program, "requirements.in": f"{name}=={version}\n"})
    uv = str(Path(sys.executable).with_name("uv"))
    compile_ = [uv, "pip", "compile", "--quiet", "--system-certs", "--generate-hashes", "requirements.in"]
    subprocess.run([*compile_, "--python-version", "3.13", "-o", "requirements.txt"], cwd=app, check=True)

    with image(lab, app, base=headers) as printed:
        assert printed() == "True\n"
        assert printed("sh", "-c", "ls /usr/bin/gcc /usr/bin/pg_config 2>/dev/null || true") == ""


def private_layout(tool: str, url: str, digest: str) -> dict[str, str]:
    """Return the files of a project of *tool* that has `own` from the index at *url*."""
    files = {"main.py": MAIN}
    if tool == "pip":
        pinned = f"own==1.0 --hash=sha256:{digest}\n"
        return {**files, "requirements.txt": f"--extra-index-url {url}\n{pinned}{HASHED}"}
    if tool == "pipenv":
        sources = f'[[source]]\nname = "main"\nurl = "{index()}"\nverify_ssl = true\n\n'
        sources += f'[[source]]\nname = "private"\nurl = "{url}"\nverify_ssl = true\n\n'
        rows = f'own = {{version = "*", index = "private"}}\n{OTHER} = "==2.1.0"\n'
        return {**files, "Pipfile": f'{sources}[packages]\n{rows}\n[requires]\npython_version = "3.13"\n'}
    if tool == "poetry":
        more = '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\nown = { source = "private" }\n'
        more += f"{poetry_source()}\n[[tool.poetry.source]]\nname = 'private'\nurl = '{url}'\npriority = 'explicit'\n"
    elif tool == "pdm":
        more = f'[tool.pdm]\ndistribution = false\n\n[[tool.pdm.source]]\nname = "private"\nurl = "{url}"\n'
    else:
        more = f'[tool.uv.sources]\nown = {{ index = "private" }}\n[[tool.uv.index]]\nname = "private"\nurl = "{url}"\n'
        more += "explicit = true\n"
    return {**files, "pyproject.toml": manifest("app", "own", f"{OTHER}==2.1.0", more=more)}


HASHED = "iniconfig==2.1.0 --hash=sha256:9deba5723312380e77435581c6bf4935c94cbfab9b1ed33ef8d238ea168eb760\n"
SECRET = "only-the-build-knows-it"
PLACES = "/app /etc /home /opt /root /run /tmp /var"
"""Where a build could have left it."""


@pytest.mark.parametrize("tool", ["uv", "poetry", "pdm", "pipenv", "pip"])
def test_an_index_that_wants_credentials_gets_them_from_a_secret(
    tool: str, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = Wheelhouse(tmp_path / "wheels").add("own", files={"own/__init__.py": b""})
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login build password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with private_index(wheel, "build", SECRET) as url:
        app = write(tmp_path / f"private-{tool}", private_layout(tool, url, wheel.digest))
        if tool != "pip":
            lock(tool, app, tmp_path)
        with image(lab, app, secrets={"netrc": netrc}) as printed:
            assert printed() == f"{INSTALLED} {OTHER}\n"
            assert printed("sh", "-c", f"grep -rlF {SECRET} {PLACES} || true", user="0") == ""


@contextmanager
def private_index(wheel: Release, login: str, password: str) -> Iterator[str]:
    """Serve one wheel on loopback, to those who know the *password*."""
    known = "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()
    name = wheel.path.name
    link = f'<a href="/files/{name}#sha256={wheel.digest}" data-core-metadata="true">{name}</a>'
    pages = {
        "/simple/own/": ("text/html", f"<!DOCTYPE html><html><body>{link}</body></html>".encode()),
        f"/files/{name}": ("application/octet-stream", wheel.path.read_bytes()),
        f"/files/{name}.metadata": ("application/octet-stream", b"Metadata-Version: 2.1\nName: own\nVersion: 1.0\n"),
    }

    def answer(handler: Handler) -> None:
        if handler.headers.get("Authorization") != known:
            handler.reply(b"", status=401, headers={"WWW-Authenticate": 'Basic realm="private"'})
            return
        kind, body = pages[handler.path]
        handler.reply(body, headers={"Content-Type": kind})

    with running_server() as server:
        server.routes.update(dict.fromkeys(pages, answer))
        yield f"{server.url}/simple/"
