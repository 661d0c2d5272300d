"""The parser accepts what BuildKit accepts, and refuses what it refuses."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from dockerfile_corpus import CASES, Case
from lab import Dockerd, program

from tare.dockerfile.parse.document import Dockerfile
from tare.dockerfile.parse.parse import parse
from tare.dockerfile.parse.source import decode

IDS = [case.name for case in CASES]


def read(text: str) -> Dockerfile:
    return parse(decode(text.encode()))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_buildkit_refuses_is_refused_and_nothing_else(case: Case) -> None:
    refusals = [problem.message for problem in read(case.text).problems if problem.refused]

    assert bool(refusals) != case.accepted, refusals


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_word_stands_where_it_says(case: Case) -> None:
    file = read(case.text)

    for instruction in file.instructions:
        if "\\\n" in case.text or "`\n" in case.text or instruction.form == "json":
            continue
        for word in (instruction.keyword, *instruction.words):
            assert file.source.text[word.span.start : word.span.end] == word.text


@pytest.mark.e2e
def test_the_corpus_says_of_docker_what_docker_says(dockerd: Dockerd, tmp_path: Path) -> None:
    """Docker 20.10 has a frontend of 2020, so the corpus knows what it refuses that newer ones accept."""
    client = client_with_buildkit(dockerd)
    (tmp_path / "a").write_text("a", encoding="utf-8")
    cases = [case for case in CASES if "ends at once" not in case.name]

    answers = {case.name: accepts(client, dockerd, case.text, tmp_path) for case in cases}

    assert answers == {case.name: case.accepted if case.old is None else case.old for case in cases}


def client_with_buildkit(dockerd: Dockerd) -> str:
    """Return the `docker` that came with the engine; a newer one needs a plugin to build, and has another frontend."""
    engine = dockerd("version", "--format", "{{.Server.Version}}").strip()
    for client in ("/usr/bin/docker", program("docker") or ""):
        if (
            os.access(client, os.X_OK)
            and engine in subprocess.run([client, "--version"], capture_output=True, text=True, check=False).stdout
        ):
            return client
    pytest.skip(f"no `docker` of the engine's version {engine}")


def accepts(client: str, dockerd: Dockerd, text: str, context: Path) -> bool:
    argv = [client, "--host", dockerd.host, "build", "--progress=plain", "--file=-", str(context)]
    done = subprocess.run(
        argv, input=text.encode(), capture_output=True, check=False, timeout=120,
        env={"PATH": os.environ.get("PATH", os.defpath), "DOCKER_BUILDKIT": "1", "HOME": str(context)},
    )  # fmt: skip
    said = done.stderr.decode(errors="replace")
    assert "the Docker daemon" not in said, said
    return not any(
        words in said for words in ("failed to create LLB definition", "failed to read dockerfile", "cannot be empty")
    )
