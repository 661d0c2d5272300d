"""The outside world of flows as tests have it: a clock that stands still, and registries on loopback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fixture_registry import Registry
from make import official

from tare.flow.world import World

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

MakeWorld = Callable[..., World]
"""Takes the options of `World`."""


def hold(registry: Registry, repository: str, tags: official.Tags) -> None:
    """Let *registry* have *tags* in *repository*."""
    blobs, manifests = official.everything(tags)
    for data in blobs.values():
        registry.add_blob(repository, data)
    for digest, (media_type, raw) in manifests.items():
        registry.add_manifest(repository, digest, raw, media_type)
    registry.repository(repository).tags |= official.digests(tags)
