"""Other CPythons to run tare with, each with tare's dependencies in an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import tare

ROOT = Path(tare.__file__).parent.parent.parent
SERIES = ("3.11", "3.12", "3.13")


def pythons(directory: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return interpreters by series, and why others are not there.

    `PYTHONS` names them, separated as PATH is; without it, PATH and pyenv are looked at. What runs the tests is not
    among them.
    """
    found, absent = {}, {}
    for series in SERIES:
        if series == "{}.{}".format(*sys.version_info):
            continue
        interpreter = _find(series)
        if interpreter is None:
            absent[f"CPython {series}"] = "it is not on PATH, in pyenv or in PYTHONS"
            continue
        venv = directory / f"venv-{series}"
        command = [interpreter, str(ROOT / "tools" / "bootstrap.py"), "--venv", str(venv), "run"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            absent[f"CPython {series}"] = f"its dependencies cannot be installed: {done.stderr.strip()[-200:]}"
        else:
            found[f"CPython {series}"] = str(venv / "bin" / "python")
    return found, absent


def _find(series: str) -> str | None:
    named = os.environ.get("PYTHONS", "")
    pyenv = Path.home() / ".pyenv" / "versions"
    candidates = named.split(os.pathsep) if named else [shutil.which(f"python{series}"), *_newest(pyenv, series)]
    return next((path for path in candidates if path and _series(path) == series), None)


def _newest(pyenv: Path, series: str) -> list[str]:
    return [str(path) for path in sorted(pyenv.glob(f"{series}.*/bin/python"), reverse=True)]


def _series(path: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-c", code], check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()
