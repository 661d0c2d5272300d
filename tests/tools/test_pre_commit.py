"""The hooks of `.pre-commit-hooks.yaml`: which files they watch, and that what they run is a command of ours."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import Place, locked

ROOT = Path(__file__).parents[2]


def hooks() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    return {each["id"]: each for each in found}


def test_each_hook_says_what_pre_commit_needs() -> None:
    # https://pre-commit.com/#creating-new-hooks
    assert {name: sorted({"id", "name", "entry", "language"} - set(hook)) for name, hook in hooks().items()} == {
        "tare-lint": [],
        "tare-choose": [],
        "tare-dockerfile": [],
    }


@pytest.mark.parametrize(
    ("path", "watched"),
    [
        ("uv.lock", True), ("services/api/poetry.lock", True), ("pylock.toml", True), ("pylock.dev.toml", True),
        ("requirements/base.txt", True), ("requirements-dev.txt", True), ("pyproject.toml", True), ("uv.lock.bak", False),
        ("src/app.py", False),
    ],
)  # fmt: skip
def test_the_choice_is_made_again_when_a_lock_changes(path: str, watched: bool) -> None:  # noqa: FBT001  # a case
    assert (re.search(hooks()["tare-choose"]["files"], path) is not None) == watched


def test_the_entry_passes_and_fails_as_its_gate_does(place: Place) -> None:
    program, *entry = shlex.split(hooks()["tare-choose"]["entry"])
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    passed = place(*entry, *place.target)
    failed = place(*entry, *place.target, "--max-pull", "1B")

    assert (program, passed.code, passed.err) == ("tare", 0, "")
    assert (failed.code, failed.err.partition(" (")[0]) == (1, "failed: max-pull: `oci:TMP/base`")


def test_a_dockerfile_that_no_longer_fits_stops_a_commit(place: Place) -> None:
    hook = hooks()["tare-dockerfile"]
    program, *entry = shlex.split(hook["entry"])
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})
    place("dockerfile", "--offline", "--base", "python:3.13-slim-trixie")

    passed = place(*entry)
    place.write({"pyproject.toml": '[project]\nname = "app"\n[tool.tare]\nports = [8000]\n'})

    assert (program, passed, place(*entry).code) == ("tare", (0, "", ""), 1)
    watched = ("Dockerfile", "api/.dockerignore", "uv.lock", "Pipfile", "pyproject.toml")
    assert all(re.search(hook["files"], path) for path in watched)
