"""Slim images of real projects: everything that could be imported still can, and slimming again changes nothing.

The projects are resolved when the test runs, so that it is today's wheels that are judged.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FAMILIES = {
    "data": ("pandas", "matplotlib"),
    "service": ("fastapi", "pydantic", "sqlalchemy"),
    "site": ("django",),
    "learning": ("scikit-learn", "scipy", "scikit-image"),
    "client": ("cryptography", "requests"),
    "pictures": ("pillow", "fonttools"),
}


def tare(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tare", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", ["safe", "more"])
def test_every_module_of_a_real_project_is_imported_in_its_slim_image(tmp_path: Path, family: str, level: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    dependencies = json.dumps(FAMILIES[family])
    text = f'[project]\nname = "{family}"\nversion = "1"\ndependencies = {dependencies}\n[tool.tare]\nentrypoint = "python"\n'
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    whole, slim = f"oci:{tmp_path}/whole", f"oci:{tmp_path}/slim"
    built = tare("build", str(project), "--base", "deb:trixie", "-o", whole)
    if built.returncode == 4:
        pytest.skip(built.stderr)
    assert built.returncode == 0, built.stderr

    first = tare("slim", whole, "-o", slim, "--level", level, "--prove", "--engine", "chroot", "--json")
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["proof"]["unsound"] == []
    assert document["proof"]["missed"] == []
    assert document["pull"]["after"] < document["pull"]["before"]
    again = tare("slim", slim, "--level", level, "--json")
    assert json.loads(again.stdout)["image"]["digest"] == document["image"]["digest"]
    print(family, level, document["pull"], document["proof"]["imported"], len(document["proof"]["never"]))  # noqa: T201  # the figures
