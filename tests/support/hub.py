"""A world with a clock that stands still, and a registry on loopback with nothing in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixture_registry import Registry
from samples import a_registry
from worlds import NOW, MakeWorld

from tare.flow.world import Reporter, World
from tare.stores.cache import Cache


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry with nothing in it."""
    with a_registry() as found:
        yield found


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Return a maker of worlds that share one cache."""
    made: list[World] = []

    def make(environment: dict[str, str] | None = None, **options: Any) -> World:
        world = World(
            environment={"HOME": str(tmp_path), **(environment or {})},
            python=sys.executable,
            cache=Cache(tmp_path / "cache"),
            now=NOW.timestamp,
            reporter=Reporter(),
            **options,
        )
        made.append(world)
        return world

    yield make
    for world in made:
        if "registries" in world.__dict__:
            world.registries.close()
