"""Which directory a Dockerfile is taken to be built with, when nobody says it."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import write

from tare.dockerfile.parse.source import Source
from tare.dockerfile.root import context_of

WORKSPACE = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
    "uv.lock": "version = 1\n",
    "packages/api/pyproject.toml": '[project]\nname = "api"\nversion = "1"\n',
    "packages/api/main.py": "",
    "packages/lib/pyproject.toml": '[project]\nname = "lib"\nversion = "1"\n',
}


def of(root: Path, dockerfile: str, *, name: str = "packages/api/Dockerfile") -> str:
    found = context_of(str(root / name), Source(f"FROM python:3.13-slim-trixie\n{dockerfile}\n"))
    return Path(found).relative_to(root).as_posix()


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("COPY uv.lock pyproject.toml ./", "."),
        ("COPY packages/lib /lib", "."),
        ("RUN --mount=type=bind,source=uv.lock,target=uv.lock uv sync --frozen", "."),
        ("COPY --from=build uv.lock ./", "packages/api"),
        ("RUN --mount=type=bind,from=build,source=uv.lock,target=uv.lock uv sync", "packages/api"),
        ("COPY main.py pyproject.toml ./", "packages/api"),
        ("COPY . .", "packages/api"),
        ("COPY generated.py ./", "packages/api"),
    ],
)
def test_a_member_s_dockerfile_is_built_with_the_directory_that_has_what_it_takes(
    dockerfile: str, expected: str, tmp_path: Path
) -> None:
    root = write(tmp_path, WORKSPACE)

    assert of(root, dockerfile) == expected


def test_a_project_with_a_lock_of_its_own_is_no_member(tmp_path: Path) -> None:
    root = write(tmp_path, {**WORKSPACE, "packages/api/uv.lock": "version = 1\n"})

    assert of(root, "COPY packages/lib /lib") == "packages/api"


def test_a_manifest_above_that_cannot_be_read_is_another_project_s(tmp_path: Path) -> None:
    root = write(tmp_path, {**WORKSPACE, "pyproject.toml": "= no TOML"})

    assert of(root, "COPY uv.lock ./") == "packages/api"


def test_without_a_project_it_is_the_dockerfile_s_own_directory(tmp_path: Path) -> None:
    root = write(tmp_path, {"docker/web/main.py": "", ".git/HEAD": ""})

    assert of(root, "COPY . .", name="docker/web/Dockerfile") == "docker/web"
