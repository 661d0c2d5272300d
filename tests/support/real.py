"""Real projects, built with the machine's own mirror and index, and the command that builds them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from containers import Ended, Subject

import tare

EXAMPLES = Path(__file__).parents[2] / "examples"


class Tare:
    """The command, in a process of its own, with a cache that these tests share."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.environment = {
            **os.environ,
            "TARE_CACHE_DIR": str(place / "cache"),
            "PYTHONPATH": str(Path(tare.__file__).parents[1]),
        }

    def __call__(self, *argv: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "tare", *argv],
            cwd=cwd or self.place,
            env={**self.environment, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def build(self, *argv: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Any:  # a document
        """Build, and return the document. A mirror or an index that cannot be reached is a reason to skip."""
        ran = self("build", *argv, "--json", cwd=cwd, env=env)
        if ran.code == 4:
            pytest.skip(f"no mirror or index can be used here: {ran.err.strip()[:400]}")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)


Build = Callable[[str, str], "Example"]
"""Takes the name of an example and of a suite."""


class Example(NamedTuple):
    """An image of one of the examples."""

    subject: Subject
    document: Any


@pytest.fixture(scope="session")
def open_place() -> Iterator[Path]:
    """A directory that everybody may read: some tests are somebody else."""
    place = Path(tempfile.mkdtemp(prefix="tare-e2e-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def tare_command(open_place: Path) -> Tare:
    return Tare(open_place)


@pytest.fixture(scope="session")
def example(tare_command: Tare, open_place: Path) -> Build:
    """Build an example on a suite, once."""

    @cache
    def build(name: str, suite: str) -> Example:
        layout, archive = open_place / f"{name}-{suite}", open_place / f"{name}-{suite}.tar"
        tag = f"localhost/tare/{name}:{suite}"
        outputs = ("-o", f"oci:{layout}", "-o", f"docker-archive:{archive}", "-t", tag)
        document = tare_command.build(str(EXAMPLES / name), "--base", f"deb:{suite}", *outputs)
        return Example(Subject(tag, layout, archive), document)

    return build
