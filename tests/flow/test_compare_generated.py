"""The Dockerfile that `tare compare` writes for an engine: one that it can build here."""

from __future__ import annotations

import msgspec
import pytest
from command import Place
from make.wheelhouse import pylock
from worlds import MakeWorld

from tare.flow.compare.builders import generated
from tare.flow.dockerfiles.wish import Wish
from tare.projects.project import read

PIN = f"@sha256:{'0' * 64}"
WISH = Wish(base=f"python:3.13-slim-trixie{PIN}", output="Dockerfile.tare-compare")


@pytest.fixture
def locked_project(place: Place) -> Place:
    place.write({"main.py": "print(1)\n", "pylock.toml": pylock(place.wheels.add("sample").locked())})
    return place


def test_where_no_registry_has_the_image_of_uv_pip_installs_it(make_world: MakeWorld, locked_project: Place) -> None:
    text = generated(make_world(offline=True), read(locked_project.app), WISH)[0].new

    assert "from=ghcr.io" not in text
    assert "/opt/tool/bin/pip install --no-compile uv==" in text


def test_an_image_of_uv_that_is_known_is_taken(make_world: MakeWorld, locked_project: Place) -> None:
    wish = msgspec.structs.replace(WISH, tool_from=f"registry.example/uv:1{PIN}")

    text = generated(make_world(offline=True), read(locked_project.app), wish)[0].new

    assert f"RUN --mount=type=bind,from=registry.example/uv:1{PIN},target=/opt/tool " in text
