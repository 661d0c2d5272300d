"""What a benchmark measures is what its tags stand for when it begins, and not when something was built on them last."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from fixture_registry import Registry
from make.base_images import base_image
from samples import a_registry, seed

from tare.engines.interface import Engine, RunOptions
from tare.flow.bench.candidates import names_of, prepare
from tare.flow.world import Reporter, World
from tare.oci import platform as platforms
from tare.oci.image import Image
from tare.stores.cache import Cache


class Telling(Engine):
    """An engine whose containers say what they are, and do nothing else."""

    name = "told"

    def available(self) -> str | None:
        return None

    def held(self, image: Image) -> AbstractContextManager[object]:
        return contextlib.nullcontext()

    def run(self, image: Image, options: RunOptions) -> int:
        assert options.stdout is not None
        os.write(options.stdout, b'{"python": "CPython 3.13.5"}\n')
        return 0


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as running:
        yield running


def digest(registry: Registry, tmp_path: Path, *, at: float, offline: bool = False) -> str | None:
    """Return what a run at the time *at* measures of a tag."""
    world = World(
        environment={}, python=sys.executable, cache=Cache(tmp_path / "cache"), now=lambda: at, reporter=Reporter(),
        root=tmp_path, offline=offline,
    )  # fmt: skip
    names = names_of([f"slim={registry.name}/library/python:slim"])
    with contextlib.closing(world), world.cache.in_use():
        [ready] = prepare(world, names, engine=Telling(), platform=platforms.parse("linux/amd64"), environments={})
    return ready.candidate.digest


def test_a_tag_is_looked_up_anew_when_a_run_begins(registry: Registry, tmp_path: Path) -> None:
    old, new = base_image(), base_image(version="3.13.9")
    seed(registry, old, "library/python", "slim")
    assert digest(registry, tmp_path, at=1_000.0) == old.digest
    seed(registry, new, "library/python", "slim")

    assert digest(registry, tmp_path, at=2_000.0, offline=True) == old.digest
    assert digest(registry, tmp_path, at=2_000.0) == new.digest
