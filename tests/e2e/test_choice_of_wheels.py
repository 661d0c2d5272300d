"""tare takes the wheels that pip and uv take for the same platform, of the same versions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from real import Tare

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NAMES = (
    "cryptography", "greenlet", "httptools", "lxml", "markupsafe", "msgspec", "numpy", "orjson", "pillow", "psutil",
    "pydantic", "pyyaml", "rich", "ruff", "sqlalchemy", "uvloop", "websockets",
)  # fmt: skip

PLATFORMS = {
    "python:3.13-slim-trixie": ("x86_64-manylinux_2_40", [f"manylinux_2_{minor}_x86_64" for minor in range(41, 4, -1)]
                                + ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]),
    "python:3.13-alpine3.24": ("x86_64-unknown-linux-musl", [f"musllinux_1_{minor}_x86_64" for minor in range(2, -1, -1)]),
}  # fmt: skip


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By base, what tare takes of each distribution."""
    place = tmp_path_factory.mktemp("choice")
    (place / "pyproject.toml").write_text(
        f'[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.13,<3.14"\ndependencies = {json.dumps(NAMES)}\n',
        encoding="utf-8",
    )
    bases = [word for base in PLATFORMS for word in ("--base", base)]
    ran = Tare(place)("choose", ".", *bases, "--platform", "linux/amd64", "--json")
    if ran.code == 4:
        pytest.skip(f"no index can be used here: {ran.err.strip()[:400]}")
    found = json.loads(ran.out)["candidates"]
    return {each["base"]: {item["name"]: item for item in each["distributions"]} for each in found}


@pytest.mark.parametrize("base", PLATFORMS)
def test_pip_takes_the_same_files(chosen: dict[str, dict[str, Any]], base: str, tmp_path: Path) -> None:
    wheels = {name: item for name, item in chosen[base].items() if item["kind"] == "wheel"}
    platforms = [word for name in PLATFORMS[base][1] for word in ("--platform", name)]
    pins = [f"{name}=={item['version']}" for name, item in wheels.items()]

    _run("-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--implementation=cp", "--abi=cp313", "--abi=abi3",
         "--abi=none", "--python-version=3.13", *platforms, "--dest", str(tmp_path), *pins)  # fmt: skip

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(item["file"] for item in wheels.values())


@pytest.mark.parametrize("base", PLATFORMS)
def test_uv_takes_wheels_with_the_same_tags(chosen: dict[str, dict[str, Any]], base: str, tmp_path: Path) -> None:
    wheels = {name: item for name, item in chosen[base].items() if item["kind"] == "wheel"}
    pins = [f"{name}=={item['version']}" for name, item in wheels.items()]

    _run("-m", "uv", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.13",
         "--python-platform", PLATFORMS[base][0], "--target", str(tmp_path), *pins)  # fmt: skip

    taken = {}
    for path in tmp_path.glob("*.dist-info/WHEEL"):
        name = path.parent.name.partition("-")[0].lower().replace("_", "-")
        lines = path.read_text(encoding="utf-8").splitlines()
        taken[name] = {line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")}
    assert sorted(taken) == sorted(wheels)
    assert {name: item["tag"] for name, item in wheels.items() if item["tag"] not in taken[name]} == {}


def _run(*argv: str) -> None:
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
