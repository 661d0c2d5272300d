"""How an image runs: every key of `[tool.tare]`, what the command line says instead, and what is found."""

from __future__ import annotations

from typing import Any

import pytest
from command import Place, locked
from layouts import entries, read_layout
from make.base_images import base_image, debian, python
from make.bases import write_layer
from make.images import image, raw_layer

DEFAULT: dict[str, Any] = {
    "Entrypoint": ["python", "main.py"],
    "Env": ["PATH=/opt/venv/bin:/usr/local/bin:/usr/bin", "PYTHONUNBUFFERED=1", "VIRTUAL_ENV=/opt/venv"],
    "StopSignal": "SIGTERM",
    "User": "65532:65532",
    "WorkingDir": "/app",
}

KEYS: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("", {}),
    "an entrypoint as a list": ('entrypoint = ["python", "-m", "x y"]', {"Entrypoint": ["python", "-m", "x y"]}),
    "an entrypoint as a string": (
        "entrypoint = \"python -c 'print(1)' --a=b\"",
        {"Entrypoint": ["python", "-c", "print(1)", "--a=b"]},
    ),
    "no entrypoint at all": ("entrypoint = []", {"Entrypoint": []}),
    "a command alone": ('cmd = "python main.py"', {"Entrypoint": None, "Cmd": ["python", "main.py"]}),
    "an entrypoint and a command": (
        'entrypoint = ["python"]\ncmd = ["main.py"]',
        {"Entrypoint": ["python"], "Cmd": ["main.py"]},
    ),
    "a user by number": ("user = 1000", {"User": "1000"}),
    "root, when it is asked for": ('user = "0"', {"User": "0"}),
    "a working directory": ('workdir = "/srv"', {"WorkingDir": "/srv"}),
    "variables": (
        'env = { B = "2", A = "1", PYTHONUNBUFFERED = "" }',
        {
            "Env": [
                "PATH=/opt/venv/bin:/usr/local/bin:/usr/bin",
                "PYTHONUNBUFFERED=",
                "VIRTUAL_ENV=/opt/venv",
                "A=1",
                "B=2",
            ]
        },
    ),
    "ports": (
        'ports = [8000, "53/udp", "9000/tcp"]',
        {"ExposedPorts": {"53/udp": {}, "8000/tcp": {}, "9000/tcp": {}}},
    ),
    "volumes": ('volumes = ["/data", "/cache/"]', {"Volumes": {"/cache": {}, "/data": {}}}),
    "a stop signal": ('stop-signal = "SIGINT"', {"StopSignal": "SIGINT"}),
    "a health check": (
        'healthcheck = { test = "python -c pass", interval = "1m30s", timeout = "500ms", start-period = "1h", retries = 3 }',
        {
            "Healthcheck": {
                "Test": ["CMD", "python", "-c", "pass"],
                "Interval": 90 * 10**9,
                "Timeout": 5 * 10**8,
                "StartPeriod": 3600 * 10**9,
                "Retries": 3,
            }
        },
    ),
    "a health check in a shell": (
        'healthcheck = { test = ["CMD-SHELL", "true || false"] }',
        {"Healthcheck": {"Test": ["CMD-SHELL", "true || false"]}},
    ),
}


def run_of(place: Place, *argv: str) -> dict[str, Any]:
    """Return the configuration of what is built, without its labels."""
    ran = place.build(*argv)
    assert ran.code == 0, ran.err
    run = dict(read_layout(place.app / "dist").run)
    del run["Labels"]
    return run


def configure(place: Place, lines: str, project: str = "") -> None:
    (place.app / "pyproject.toml").write_text(f"{project}[tool.tare]\n{lines}\n", encoding="utf-8")


@pytest.mark.parametrize(("lines", "changes"), KEYS.values(), ids=KEYS)
def test_a_key_is_in_the_image(place: Place, lines: str, changes: dict[str, Any]) -> None:
    place.write({"main.py": ""})
    configure(place, lines)

    expected = {key: value for key, value in {**DEFAULT, **changes}.items() if value is not None}
    assert run_of(place) == expected


WITH_USERS = image(
    *(
        raw_layer(write_layer(layer), compressed=False)
        for layer in (
            debian(),
            python(),
            {
                "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n# nobody:x:1\napp:x:7:7::/srv:/bin/false\n",
                "etc/group": b"root:x:0:\ncrew:x:8:app\n",
            },
        )
    )
)


@pytest.mark.parametrize("user", ["app", "app:crew", "app:8", "7:crew", "1000"])
def test_a_user_may_have_a_name_that_the_base_knows(place: Place, user: str) -> None:
    place.base(WITH_USERS)
    place.write({"main.py": ""})
    configure(place, f'user = "{user}"')

    assert run_of(place)["User"] == user


@pytest.mark.parametrize("command", ["build", "plan"])
@pytest.mark.parametrize(
    ("user", "kind", "name", "file", "known"),
    [
        ("nobody", "user", "nobody", "/etc/passwd", "`app`, `root`"),
        ("app:staff", "group", "staff", "/etc/group", "`crew`, `root`"),
    ],
)
def test_a_user_that_the_base_does_not_know_is_refused(  # noqa: PLR0917  # pytest calls
    place: Place, command: str, user: str, kind: str, name: str, file: str, known: str
) -> None:
    place.base(WITH_USERS)
    place.write({"main.py": ""})
    configure(place, f'user = "{user}"')

    assert place(command, *place.target) == (
        2,
        "",
        f"error: the {kind} `{name}` is not in the base `oci:TMP/base`\n"
        f'  caused by: [tool.tare] says `user = "{user}"`; its `{file}` has {known}\n\n'
        "hint: Use a number, such as `10001:10001`: it need not be in the base\n",
    )


def test_labels_are_those_of_the_specification_and_of_the_project(place: Place) -> None:
    place.write({"main.py": ""})
    project = '[project]\nname = "Demo"\nversion = "1.2"\n'
    configure(place, 'labels = { team = "one", "org.opencontainers.image.version" = "mine" }', project)

    place.build()

    image, base = read_layout(place.app / "dist"), read_layout(place.root / "base")
    assert image.run["Labels"] == {
        "org.opencontainers.image.base.digest": base.digest,
        "org.opencontainers.image.title": "Demo",
        "org.opencontainers.image.version": "mine",
        "team": "one",
    }
    assert image.manifest["annotations"] == {
        "org.opencontainers.image.base.digest": base.digest,
        "org.opencontainers.image.created": "1980-01-01T00:00:00Z",
        "org.opencontainers.image.title": "Demo",
        "org.opencontainers.image.version": "1.2",
    }


def test_the_base_says_what_the_project_does_not_and_its_entrypoint_is_dropped(place: Place) -> None:
    base = place.base(
        base_image(
            env=("LANG=C.UTF-8", "PATH=/opt/bin:/usr/bin", "PYTHONUNBUFFERED=0"),
            entrypoint=("/init",),
            cmd=("shell",),
            user="1000",
            working_dir="/old",
            stop_signal="SIGUSR1",
            labels={"vendor": "x"},
            exposed_ports={"22/tcp": {}},
        )
    )
    place.write({"main.py": ""})
    configure(place, "ports = [80]")

    assert place("build", "--base", base, "--platform", "linux/amd64").code == 0
    run = dict(read_layout(place.app / "dist").run)
    assert run.pop("Labels")["vendor"] == "x"
    assert run == {
        **DEFAULT,
        "Env": ["PATH=/opt/venv/bin:/opt/bin:/usr/bin", "LANG=C.UTF-8", "PYTHONUNBUFFERED=1", "VIRTUAL_ENV=/opt/venv"],
        "ExposedPorts": {"22/tcp": {}, "80/tcp": {}},
        "StopSignal": "SIGUSR1",
    }


def test_the_command_line_wins_over_the_configuration(place: Place) -> None:
    place.write({"main.py": ""})
    configure(place, 'entrypoint = ["a"]\ncmd = ["b"]\nbase = "oci:nowhere"\nplatforms = ["linux/arm64"]')

    assert run_of(place, "--entrypoint", "python -c 'print(2)'") == {
        **DEFAULT,
        "Entrypoint": ["python", "-c", "print(2)"],
    }


def test_an_empty_entrypoint_on_the_command_line_is_none(place: Place) -> None:
    place.write({"main.py": ""})

    assert run_of(place, "--entrypoint", "") == {**DEFAULT, "Entrypoint": []}


def test_base_and_platforms_of_the_configuration_are_used(place: Place) -> None:
    place.base(base_image("amd64"), base_image("arm64"))
    place.write({"main.py": ""})
    configure(place, 'base = "oci:../base"\nplatforms = ["linux/arm64"]')

    ran = place("build")

    assert ran.err.partition(" (")[0] == "linux/arm64 on oci:../base"


def test_system_packages_need_an_assembled_base(place: Place) -> None:
    place.write({"main.py": ""})
    configure(place, 'system-packages = ["ffmpeg"]')

    assert place.build() == (
        2,
        "",
        "error: `system-packages` needs an assembled base; the base is `oci:TMP/base`\n\n"
        "hint: Use `--base deb:trixie`, or install the packages in the base\n",
    )


IDLE = {
    "--debug": (
        ("--debug",),
        "error: `--debug` needs an assembled base; the base is `oci:TMP/base`\n\n"
        "hint: Use `--base deb:trixie`, or a base that has a shell\n",
    ),
    "--keep": (
        ("--keep", "TS001"),
        "error: `--keep` is about what `--slim` leaves out\n\nhint: Add `--slim`\n",
    ),
    "--mount": (
        ("--mount", "tests:/tests"),
        "error: `--mount` is for the command of `--check`\n\nhint: Add `--check COMMAND`\n",
    ),
}


@pytest.mark.parametrize(("argv", "said"), IDLE.values(), ids=IDLE)
def test_an_option_that_would_change_nothing_is_refused(place: Place, argv: tuple[str, ...], said: str) -> None:
    place.write({"main.py": ""})

    assert place.build(*argv) == (2, "", said)


ENTRYPOINTS: dict[str, tuple[dict[str, str], list[str], dict[str, Any], str]] = {
    "a package with a main": (
        {"demo/__init__.py": "", "demo/__main__.py": "", "other.py": ""},
        [],
        {"Entrypoint": ["python", "-m", "demo"]},
        "the package `demo` has a `__main__`",
    ),
    "a package below src": (
        {"src/demo/__init__.py": "", "src/demo/__main__.py": ""},
        [],
        {"Entrypoint": ["python", "-m", "demo"], "Env": [*DEFAULT["Env"], "PYTHONPATH=/app/src"]},
        "the package `demo` has a `__main__`",
    ),
    "an application of a framework": (
        {"api/main.py": "from fastapi import FastAPI\napp = FastAPI()\n"},
        ["fastapi", "uvicorn"],
        {
            "Entrypoint": ["uvicorn", "--host", "0.0.0.0", "--port", "8000", "api.main:app"],
            "ExposedPorts": {"8000/tcp": {}},
        },
        "`api.main:app` is a FastAPI application, and `uvicorn` is locked",
    ),
    "the only module": (
        {"job.py": ""},
        [],
        {"Entrypoint": ["python", "job.py"]},
        "`job.py` is the only module",
    ),
}


@pytest.mark.parametrize(("files", "names", "changes", "reason"), ENTRYPOINTS.values(), ids=ENTRYPOINTS)
def test_what_to_run_is_found_with_the_reason(
    place: Place, files: dict[str, str], names: list[str], changes: dict[str, Any], reason: str
) -> None:
    place.write({**files, "requirements.txt": locked([place.wheels.add(name) for name in names])})

    assert run_of(place) == {**DEFAULT, **changes}
    assert place.document("build", *place.target)["entrypoint"]["reason"] == reason


def test_a_framework_without_a_server_is_a_warning_that_names_the_servers(place: Place) -> None:
    place.write(
        {
            "main.py": "from flask import Flask\napp = Flask(__name__)\n",
            "requirements.txt": locked([place.wheels.add("flask")]),
        }
    )

    ran = place.build()

    assert ran.err.splitlines()[0].startswith(
        "warning: `main:app` is a Flask application, and no server for it is locked (`gunicorn`"
    )
    assert "runs `python main.py`" in ran.err


def test_the_working_directory_is_there_in_a_project_that_is_empty(place: Place) -> None:
    configure(place, 'workdir = "/srv/app"\nentrypoint = "python -V"\nexclude = ["*"]')

    place.build()

    assert list(entries(read_layout(place.app / "dist").layers[3])) == ["srv", "srv/app"]
