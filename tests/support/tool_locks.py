"""Projects of five tools, made from the examples and locked by the tool itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tare.dockerfile.generate.tables import tools

EXAMPLES = Path(__file__).parents[2] / "examples"
TOOLS = ("uv", "poetry", "pdm", "pipenv", "pip")

_SETTINGS = {
    "poetry": "\n[tool.poetry]\npackage-mode = false\n\n[[tool.poetry.source]]\nname = 'main'\nurl = '{index}'\n",
    "pdm": "\n[tool.pdm]\ndistribution = false\n",
}
_COMMANDS = {
    "uv": ("uv", "lock"),
    "poetry": ("poetry", "lock", "--no-interaction"),
    "pdm": ("pdm", "lock"),
    "pipenv": ("pipenv", "lock", "--python", sys.executable),
}


def project(tool: str, example: str, place: Path) -> Path:
    """Return the *example* as a project of *tool*, below *place*."""
    directory = place / f"{tool}-{example}"
    shutil.copytree(EXAMPLES / example, directory, ignore=shutil.ignore_patterns("dist", "__pycache__"))
    if tool == "pip":
        return directory
    (directory / "requirements.txt").unlink()
    manifest = directory / "pyproject.toml"
    text = manifest.read_text(encoding="utf-8")
    if tool == "pipenv":
        (directory / "Pipfile").write_text(_pipfile(text), encoding="utf-8")
    manifest.write_text(text + _SETTINGS.get(tool, "").format(index=index()), encoding="utf-8")
    lock(tool, directory, place)
    return directory


def lock(tool: str, directory: Path, place: Path, variables: Mapping[str, str] | None = None) -> None:
    """Lock what *directory* has, by *tool* itself, whose own environments go below *place*."""
    requirement = next((each.requirement for each in tools() if each.name == tool), None) or tool
    uv = str(Path(sys.executable).with_name("uv"))
    name, *arguments = _COMMANDS[tool]
    argv = [uv, *arguments] if tool == "uv" else [uv, "tool", "run", "--from", requirement, name, *arguments]
    home = {"WORKON_HOME": str(place / "environments"), "PIPENV_IGNORE_VIRTUALENVS": "1", "UV_PYTHON": sys.executable}
    # A tool's own pip takes neither the wheels nor the constraints that this machine has for others.
    env = {**os.environ, **home, "PIP_CONFIG_FILE": os.devnull, "UV_SYSTEM_CERTS": "1", **(variables or {})}
    done = subprocess.run(argv, cwd=directory, env=env, check=False, capture_output=True, text=True, timeout=600)
    if done.returncode:
        pytest.skip(f"{tool} does not lock here: {(done.stderr or done.stdout).strip()[-300:]}")
    shutil.rmtree(directory / ".venv", ignore_errors=True)
    (directory / ".pdm-python").unlink(missing_ok=True)


def _pipfile(manifest: str) -> str:
    found = [re.match(r"([\w.-]+)(.*)", each) for each in tomllib.loads(manifest)["project"]["dependencies"]]
    rows = "".join(f'{match[1]} = "{match[2] or "*"}"\n' for match in found if match)
    return f'[packages]\n{rows}\n[requires]\npython_version = "3.13"\n'


def index() -> str:
    """Return the simple index that this machine uses: named by the environment, or pip's own default."""
    for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    if not done.stdout.strip():
        pytest.skip("no index is configured, and pip is not there to say its own")
    return done.stdout.strip()
