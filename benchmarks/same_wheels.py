"""Compare the wheels that `tare choose` takes with those that pip takes for the same platform, over the locks of `choose.py`.

    python benchmarks/same_wheels.py [--work DIR] [--only NAME]...

pip is asked with `--dry-run`, one file for each pinned version; nothing is installed. `tests/e2e/test_choice_of_wheels.py` does the
same with downloads, and with uv.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from choose import CASES, _make, _tare

PLATFORMS = {
    "python:3.13-slim-trixie": (
        *(f"manylinux_2_{minor}_x86_64" for minor in range(41, 4, -1)),
        "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64",
    ),
    "python:3.13-alpine3.24": tuple(f"musllinux_1_{minor}_x86_64" for minor in (2, 1, 0)),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the choice of wheels with pip's.")
    parser.add_argument("--work", type=Path, help="where projects and the cache are kept (default: a fresh one)")
    parser.add_argument("--only", action="append", choices=CASES, help="this case alone; may be repeated")
    arguments = parser.parse_args()
    compared = different = 0
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        print("| project | base | wheels | others than pip's |\n|---|---|--:|---|")
        for name in arguments.only or CASES:
            _make(work / name, name, CASES[name])
            for base in PLATFORMS:
                ours, theirs = _wheels(work, name, base)
                print(f"| {name} | {base} | {len(ours)} | {', '.join(sorted(ours ^ theirs)) or 'none'} |", flush=True)
                compared, different = compared + len(ours), different + len(ours ^ theirs)
    print(f"| all | | {compared} | {different} |")
    return 1 if different else 0


def _wheels(work: Path, name: str, base: str) -> tuple[set[str], set[str]]:
    """Return the file names that tare takes, and those that pip takes of the same versions."""
    target = ("--base", base, "--platform", "linux/amd64")
    choice, errors = _tare(work / "predicting", "choose", str(work / name), *target, "--json")
    if choice is None:
        raise SystemExit(errors)
    wheels = [each for each in choice["candidates"][0]["distributions"] if each["kind"] == "wheel"]
    return {each["file"] for each in wheels}, _pip(base, [f"{each['name']}=={each['version']}" for each in wheels])


def _pip(base: str, pins: list[str]) -> set[str]:
    platforms = [word for platform in PLATFORMS[base] for word in ("--platform", platform)]
    # Pins are given, so what the interpreter that runs pip is does not matter.
    kinds = (
        "--only-binary=:all:",
        "--implementation=cp",
        "--abi=cp313",
        "--abi=abi3",
        "--abi=none",
        "--python-version=3.13",
    )
    with tempfile.TemporaryDirectory() as target:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps", *kinds,
             *platforms, "--target", target, "--report", "-", *pins],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    return {unquote(each["download_info"]["url"]).rpartition("/")[2] for each in report["install"]}


if __name__ == "__main__":
    raise SystemExit(main())
