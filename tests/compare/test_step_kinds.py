"""What the steps of an engine's build are shown as."""

from __future__ import annotations

import pytest

from tare.engines.steps import Step
from tare.flow.compare.builders import kind_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("[internal] load metadata for docker.io/library/python:3.13-slim-trixie", "base"),
        ("[internal] load build definition from Dockerfile", "fetch"),
        ("[internal] load build context", "fetch"),
        ("FROM ghcr.io/astral-sh/uv:0.13.9", "base"),
        ("COMMIT tare-compare", "export"),
        ("[2/2] COMMIT tare-compare", "export"),
        ("[build 1/6] FROM docker.io/library/python:3.13-slim-trixie", "base"),
        ("[stage-0 3/5] RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.13.9,target=/opt/tool uv sync", "install"),
        ("[stage-1 3/4] COPY --from=build /opt/venv /opt/venv", "install"),
        ("[stage-1 4/4] COPY --chown=65532:65532 . .", "project"),
        ("[4/4] COPY from.py export.py .", "project"),
        ("[stage-0 2/5] WORKDIR /app", "resolve"),
        ("exporting to image", "export"),
    ],
)
def test_a_step_is_what_its_first_word_says(name: str, expected: str) -> None:
    assert kind_of(Step(name=name)) == expected
