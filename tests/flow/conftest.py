"""Projects, bases, caches and registries on loopback, and worlds that use them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import Place, locked
from counted import CountedWorld, ask, made
from fixture_registry import Registry
from samples import a_registry
from worlds import NOW, MakeWorld

from tare.flow.build.build import Built
from tare.flow.world import Reporter, World
from tare.stores.cache import Cache

Build = Callable[..., tuple[Built, CountedWorld]]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with a_registry() as registry:
        yield registry


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Make worlds that share a cache, and close their connections at the end."""
    worlds: list[World] = []

    def make(**options: Any) -> World:  # World's own
        worlds.append(
            World(
                environment={},
                python=sys.executable,
                cache=Cache(tmp_path / "cache"),
                now=NOW.timestamp,
                reporter=Reporter(),
                root=tmp_path,
                **options,
            )
        )
        return worlds[-1]

    yield make
    for world in worlds:
        if "registries" in vars(world):
            world.registries.close()


@pytest.fixture
def project(place: Place) -> Place:
    """A project with a module and two small dependencies."""
    releases = [place.wheels.add("sample"), place.wheels.add("other", "2.0")]
    place.write({"main.py": "print(1)\n", "requirements.txt": locked(releases)})
    return place


@pytest.fixture
def build(place: Place) -> Build:
    """Build the project in a fresh world, and return what came of it with that world."""

    def run(
        base: str | None = None, *, world: CountedWorld | None = None, **changes: object
    ) -> tuple[Built, CountedWorld]:
        world = world or CountedWorld(place.cache, place.environment)
        return made(world, place.app, ask(base or place.base(), **changes)), world

    return run
