"""The script that makes `.venv`, as far as it can be tested without a network."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[2] / "tools" / "bootstrap.py"


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pip_and_uv_trust_the_bundle_that_the_machine_names(bootstrap: ModuleType) -> None:
    environment = bootstrap.install_environment({"SSL_CERT_FILE": "/corp/ca.pem"})

    assert environment == {
        "SSL_CERT_FILE": "/corp/ca.pem",
        "REQUESTS_CA_BUNDLE": "/corp/ca.pem",
        "UV_SYSTEM_CERTS": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


def test_what_a_person_has_set_is_kept_and_what_would_install_elsewhere_is_not(bootstrap: ModuleType) -> None:
    given = {
        "SSL_CERT_FILE": "/corp/ca.pem",
        "REQUESTS_CA_BUNDLE": "/own/ca.pem",
        "UV_SYSTEM_CERTS": "0",
        "PIP_INDEX_URL": "https://index.example/simple",
        "PIP_USER": "1",
        "PIP_TARGET": "/elsewhere",
    }

    environment = bootstrap.install_environment(dict(given))

    assert {name: environment.get(name) for name in given} == {**given, "PIP_USER": None, "PIP_TARGET": None}


def test_a_program_that_fails_says_which_one_and_its_first_error(bootstrap: ModuleType) -> None:
    script = "import sys; sys.exit('working\\nERROR: no such thing\\nbye')"

    with pytest.raises(bootstrap.CommandError) as caught:
        bootstrap.run([sys.executable, "-c", script], {})

    assert str(caught.value) == f"`{Path(sys.executable).name}` exited 1: ERROR: no such thing"


@pytest.mark.parametrize("name", ["venv", "with space", "long" * 40])
def test_the_command_starts_whatever_the_path_of_the_environment_is(
    bootstrap: ModuleType, tmp_path: Path, name: str
) -> None:
    venv = tmp_path / name
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    bootstrap.add_tare(venv)
    (venv / "bin" / "tare").write_text(
        (venv / "bin" / "tare").read_text(encoding="utf-8").partition("import sys")[0] + "print('started')\n",
        encoding="utf-8",
    )

    done = subprocess.run([str(venv / "bin" / "tare")], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")


def test_an_environment_that_is_as_it_should_be_is_left_alone(bootstrap: ModuleType, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    (venv / bootstrap.STAMP).write_text(bootstrap.json.dumps(bootstrap.stamp_for("dev")), encoding="utf-8")

    bootstrap.bootstrap(venv, "run")
    bootstrap.bootstrap(venv, "dev")

    assert (venv / "bin" / "python").read_bytes() == b""
