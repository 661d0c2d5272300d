"""What to run: a table of projects, and of what is found."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tare.projects import entrypoint
from tare.projects.config import ToolConfig
from tare.projects.frameworks import Entrypoint
from tare.projects.project import Project

SOURCES = Project(root="/app", name="api")
BUILT = Project(root="/app", name="My_Api", has_build_system=True)

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FLASK = "import flask\n\napplication = flask.Flask(__name__)\n"
GUNICORN = ("gunicorn", "--worker-tmp-dir", "/dev/shm")  # noqa: S108 - the container's
UVICORN = ("uvicorn", "--host", "0.0.0.0", "--port", "8000")
HINT = "set `entrypoint` in [tool.tare], or pass `--entrypoint`"


def find(project: Project, files: dict[str, str], *locked: str) -> Entrypoint:
    texts = {path: dedent(text).encode() for path, text in files.items()}
    return entrypoint.find(project, sorted(texts), texts.__getitem__, locked)


def test_what_the_configuration_says_wins() -> None:
    config = ToolConfig(entrypoint=("gunicorn",), cmd=("--reload",))
    project = Project(root="/app", has_build_system=True, scripts={"x": "y:z"}, config=config)

    assert find(project, {"main.py": ""}) == Entrypoint(
        argv=("gunicorn", "--reload"), reason="[tool.tare] has `entrypoint`"
    )


def test_a_script_runs_itself() -> None:
    found = find(Project(root="/app", script="/app/job.py"), {"job.py": FASTAPI}, "fastapi", "uvicorn")

    assert found == Entrypoint(argv=("python", "job.py"), reason="`job.py` is the script")


@pytest.mark.parametrize(
    ("scripts", "argv", "reason"),
    [
        ({"serve": "a:b"}, ("serve",), "`serve` is the only script of the project"),
        ({"serve": "a:b", "my-api": "a:c"}, ("my-api",), "the script `my-api` is named as the project"),
    ],
)
def test_scripts_of_a_project_that_is_built(scripts: dict[str, str], argv: tuple[str, ...], reason: str) -> None:
    project = Project(root="/app", name="My_Api", has_build_system=True, scripts=scripts)

    assert find(project, {"api/main.py": FASTAPI}, "fastapi", "uvicorn") == Entrypoint(argv=argv, reason=reason)


def test_several_scripts_are_open() -> None:
    project = Project(root="/app", name="api", has_build_system=True, scripts={"b": "x:y", "a": "x:z"})

    assert find(project, {"api/util.py": ""}) == Entrypoint(
        argv=(), reason="several scripts", warning=f"the project has the scripts `a`, `b`: {HINT}"
    )


def test_graphical_scripts_are_none() -> None:
    project = Project(root="/app", has_build_system=True, gui_scripts={"w": "x:y"})

    assert find(project, {}).warning == f"the project has graphical scripts only: {HINT}"


def test_scripts_of_a_project_that_is_not_built_are_not_there() -> None:
    project = Project(root="/app", scripts={"serve": "main:run"})

    assert find(project, {"main.py": ""}).argv == ("python", "main.py")


@pytest.mark.parametrize(
    ("files", "locked", "argv", "port"),
    [
        ({"main.py": FASTAPI}, ("fastapi", "uvicorn"), (*UVICORN, "main:app"), 8000),
        ({"main.py": FASTAPI}, ("fastapi", "hypercorn"), ("hypercorn", "--bind", "0.0.0.0:8000", "main:app"), 8000),
        (
            {"main.py": FASTAPI},
            ("fastapi", "granian"),
            ("granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8000", "main:app"),
            8000,
        ),
        ({"api/app.py": "import fastapi as f\nweb: f.FastAPI = f.FastAPI()\n"}, ("fastapi", "uvicorn"), (*UVICORN, "api.app:web"), 8000),
        ({"api/__init__.py": FASTAPI}, ("fastapi", "uvicorn"), (*UVICORN, "api:app"), 8000),
        (
            {"main.py": "from starlette.applications import Starlette\napp = Starlette(routes=[])\n"},
            ("starlette", "uvicorn"),
            (*UVICORN, "main:app"),
            8000,
        ),
        ({"app.py": "from litestar import Litestar\napp = Litestar([])\n"}, ("litestar", "uvicorn"), (*UVICORN, "app:app"), 8000),
        ({"wsgi.py": FLASK}, ("flask", "gunicorn"), (*GUNICORN, "--bind", "0.0.0.0:8000", "wsgi:application"), 8000),
        ({"wsgi.py": FLASK}, ("flask", "waitress"), ("waitress-serve", "--listen=0.0.0.0:8000", "wsgi:application"), 8000),
        (
            {"api.py": "from flask import Flask\ndef create_app(config=None):\n    app = Flask('x')\n    return app\n"},
            ("flask", "gunicorn"),
            (*GUNICORN, "--bind", "0.0.0.0:8000", "api:create_app()"),
            8000,
        ),
        (
            {"api.py": "from fastapi import FastAPI\ndef create_app():\n    return FastAPI()\n"},
            ("fastapi", "uvicorn"),
            (*UVICORN, "--factory", "api:create_app"),
            8000,
        ),
        (
            {"site/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n", "manage.py": ""},
            ("django", "gunicorn"),
            (*GUNICORN, "--bind", "0.0.0.0:8000", "site.wsgi:application"),
            8000,
        ),
        (
            {
                "site/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
                "site/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
            },
            ("django", "uvicorn"),
            (*UVICORN, "site.asgi:application"),
            8000,
        ),
        (
            {"dashboard.py": "import streamlit as st\nst.title('x')\n"},
            ("streamlit",),
            ("streamlit", "run", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true", "dashboard.py"),
            8501,
        ),
    ],
)  # fmt: skip
def test_known_frameworks_are_started_by_a_server_that_is_locked(
    files: dict[str, str], locked: tuple[str, ...], argv: tuple[str, ...], port: int
) -> None:
    found = find(SOURCES, files, *locked)

    assert (found.argv, found.port, found.warning) == (argv, port, None)


def test_the_reason_names_both_halves() -> None:
    found = find(SOURCES, {"main.py": FASTAPI}, "fastapi", "uvicorn")

    assert found.reason == "`main:app` is a FastAPI application, and `uvicorn` is locked"


def test_the_likeliest_of_several_applications_is_taken() -> None:
    files = {"main.py": FASTAPI, "admin/other.py": FASTAPI, "tests/app.py": FASTAPI, "examples/main.py": FASTAPI}

    assert find(SOURCES, files, "fastapi", "uvicorn").argv == (*UVICORN, "main:app")


def test_several_applications_that_are_as_likely_are_open() -> None:
    found = find(SOURCES, {"a/main.py": FASTAPI, "b/main.py": FASTAPI}, "fastapi", "uvicorn")

    assert (found.argv, found.warning) == (
        (),
        f"which FastAPI application is meant is open, `a.main:app`, `b.main:app`: {HINT}",
    )


def test_an_application_without_a_server_is_run_as_a_module_with_a_warning() -> None:
    found = find(SOURCES, {"main.py": FASTAPI}, "fastapi")

    assert found == Entrypoint(
        argv=("python", "main.py"),
        reason="there is a `main.py`",
        warning=f"`main:app` is a FastAPI application, and no server for it is locked (`uvicorn`, `granian`, `hypercorn`): {HINT}",
    )


def test_a_framework_that_is_not_locked_is_not_looked_for() -> None:
    assert find(SOURCES, {"main.py": FASTAPI}, "uvicorn").argv == ("python", "main.py")


@pytest.mark.parametrize(
    "text",
    [
        "from fastapi import FastAPI\ndef make():\n    return FastAPI()\n",
        "from fastapi import FastAPI\nclass A:\n    app = FastAPI()\n",
        "from fastapi import APIRouter\napp = APIRouter()\n",
        "from fastapi import FastAPI\napps = [FastAPI()]\n",
        "from fastapi import FastAPI\ndef create_app(settings):\n    return FastAPI()\n",
        "def broken(:\n    fastapi\n",
        "# fastapi",
    ],
)
def test_what_makes_no_application_is_none(text: str) -> None:
    assert find(SOURCES, {"main.py": text}, "fastapi", "uvicorn").argv == ("python", "main.py")


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    from fastapi import FastAPI\nexcept ImportError:\n    pass\nif True:\n    app = FastAPI()\n",
        "from fastapi.applications import FastAPI as F\nx = app = F()\n",
    ],
)
def test_an_application_is_seen_where_it_is_made_on_import(text: str) -> None:
    assert find(SOURCES, {"main.py": text}, "fastapi", "uvicorn").argv == (*UVICORN, "main:app")


def test_a_module_below_src_is_imported_from_there() -> None:
    found = find(SOURCES, {"src/api/main.py": FASTAPI, "src/api/__init__.py": ""}, "fastapi", "uvicorn")

    assert (found.argv, found.pythonpath) == ((*UVICORN, "api.main:app"), ("src",))


def test_of_a_wheel_only_packages_are_there() -> None:
    files = {"src/api/main.py": FASTAPI, "main.py": FASTAPI}
    found = find(BUILT, files, "fastapi", "uvicorn")

    assert (found.argv, found.pythonpath) == ((*UVICORN, "api.main:app"), ())


@pytest.mark.parametrize(
    ("project", "files", "argv", "reason"),
    [
        (SOURCES, ["tool/__main__.py", "main.py"], ("python", "-m", "tool"), "the package `tool` has a `__main__`"),
        (SOURCES, ["a/__main__.py", "api/__main__.py"], ("python", "-m", "api"), "the package `api` has a `__main__`"),
        (BUILT, ["src/my_api/__main__.py"], ("python", "-m", "my_api"), "the package `my_api` has a `__main__`"),
        (SOURCES, ["main.py", "app.py"], ("python", "main.py"), "there is a `main.py`"),
        (SOURCES, ["app.py", "util.py"], ("python", "app.py"), "there is an `app.py`"),
        (SOURCES, ["src/main.py"], ("python", "src/main.py"), "there is a `src/main.py`"),
        (SOURCES, ["__main__.py"], ("python", "__main__.py"), "there is a `__main__.py`"),
        (SOURCES, ["parcels.py", "README.md", "test_parcels.py"], ("python", "parcels.py"), "`parcels.py` is the only module"),
    ],
)  # fmt: skip
def test_without_a_framework_a_main_module_is_run(
    project: Project, files: list[str], argv: tuple[str, ...], reason: str
) -> None:
    assert find(project, dict.fromkeys(files, "")) == Entrypoint(argv=argv, reason=reason)


def test_a_package_below_src_is_run_from_there() -> None:
    found = find(SOURCES, {"src/tool/__main__.py": ""})

    assert (found.argv, found.pythonpath) == (("python", "-m", "tool"), ("src",))


@pytest.mark.parametrize(
    ("project", "files", "warning"),
    [
        (SOURCES, ["a.py", "b.py"], f"nothing says what to run: {HINT}"),
        (SOURCES, [], f"nothing says what to run: {HINT}"),
        (SOURCES, ["not-a-name.py"], f"nothing says what to run: {HINT}"),
        (BUILT, ["main.py", "my_api/core.py"], f"the project has no script and no `__main__`: {HINT}"),
    ],
)
def test_where_nothing_says_what_to_run_the_warning_says_how_to(
    project: Project, files: list[str], warning: str
) -> None:
    assert find(project, dict.fromkeys(files, "")) == Entrypoint(
        argv=(), reason="nothing says what to run", warning=warning
    )


def test_a_large_module_is_not_parsed() -> None:
    text = FASTAPI + "#" * 1024 * 1024

    assert find(SOURCES, {"main.py": text}, "fastapi", "uvicorn").argv == ("python", "main.py")
