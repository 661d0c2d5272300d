"""What the GitHub Action runs: the summary, the outputs and the exit code of `tare choose`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from command import Place, locked

ROOT = Path(__file__).parents[2]


def run_action(place: Place, **inputs: str) -> tuple[int, str, str]:
    """Run the action's script, and return its exit code, the summary and the outputs."""
    tare = place.root / "tare"
    tare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tare "$@"\n', encoding="utf-8")
    tare.chmod(0o755)
    summary, output = place.root / "summary", place.root / "output"
    known = {
        "TARE": str(tare), "TARE_PROJECT": ".", "TARE_PLATFORM": "linux/amd64", "TARE_PREFER": "balanced",
        "RUNNER_TEMP": str(place.root), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(output),
        "PYTHONPATH": place.source, "PATH": os.environ["PATH"],
    }  # fmt: skip
    done = subprocess.run(
        ["bash", str(ROOT / ".ci" / "choose-action")],
        cwd=place.app,
        env={**place.environment, **known, **inputs},
        capture_output=True,
        check=False,
    )
    return done.returncode, summary.read_text(encoding="utf-8"), output.read_text(encoding="utf-8")


def test_the_table_is_in_the_summary_and_the_base_in_the_outputs(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})
    base = place.base()

    code, summary, output = run_action(place, TARE_BASE=base, TARE_REQUIRE="no-sdist")

    assert (code, output) == (0, f"recommended={base}\n")
    assert summary.startswith(f"### Base image: `{base}`\n")


def test_a_gate_that_fails_fails_the_job_and_the_summary_is_there(place: Place) -> None:
    place.write({"main.py": "", "requirements.txt": locked([place.wheels.add("sample")])})

    code, summary, _ = run_action(place, TARE_BASE=place.base(), TARE_MAX_PULL="1B; exit 0")

    assert (code, summary) == (2, "")
    code, summary, _ = run_action(place, TARE_BASE=place.base(), TARE_MAX_PULL="1B", TARE_MAX_UNPACKED="2B")
    assert (code, summary.splitlines()[2][:8]) == (1, "| | base")
    assert [line.split(":")[:2] for line in summary.splitlines()[-2:]] == [
        ["- **failed**", " max-pull"],
        ["- **failed**", " max-unpacked"],
    ]


def test_every_input_of_the_action_reaches_the_script() -> None:
    action = (ROOT / "action.yml").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "choose-action").read_text(encoding="utf-8")
    inputs = re.findall(r"^  ([a-z-]+):$", action.partition("outputs:")[0].partition("inputs:")[2], re.MULTILINE)
    passed = dict(re.findall(r"(TARE_[A-Z_]+): \$\{\{ inputs\.([a-z-]+) \}\}", action))

    assert sorted(passed.values()) == sorted(inputs)
    assert [name for name in passed if name not in script] == []


def test_the_action_is_one_that_runs_steps() -> None:
    # https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))

    assert {"name", "description", "inputs", "outputs", "runs"} <= set(action)
    assert action["runs"]["using"] == "composite"
    assert [name for name, each in action["inputs"].items() if {"description", "default"} - set(each)] == []
    assert [step["name"] for step in action["runs"]["steps"] if {"run", "shell"} - set(step)] == []
    assert [step["name"] for step in action["runs"]["steps"] if "${{" in step["run"]] == []
    used = re.findall(r"steps\.([a-z]+)\.outputs", action["outputs"]["recommended"]["value"])
    assert [name for name in used if name not in {step.get("id") for step in action["runs"]["steps"]}] == []
