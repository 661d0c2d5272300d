"""The outside world of a build as tests have it: the real one, whose every use is counted."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from tare.flow.build.build import Built, build
from tare.flow.request import Request
from tare.flow.world import Reporter, World
from tare.net.fetch import Fetcher
from tare.oci import platform as platforms
from tare.oci.digest import Digest
from tare.projects.process import Finished, run
from tare.projects.project import Project, read
from tare.projects.uv import Uv
from tare.stores.cache import Cache, Pending


class Heard(Reporter):
    """Keeps what a build says."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.warnings: list[str] = []

    def step(self, name: str) -> None:
        self.steps.append(name)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


class CountedCache(Cache):
    """A cache that counts what is written into it."""

    def __init__(self, root: Path, uses: Counter[str]) -> None:
        super().__init__(root)
        self._uses = uses

    def keep(self, pending: Pending, digest: Digest, *, found: bool = False) -> Path:
        self._uses["blobs"] += 1
        return super().keep(pending, digest, found=found)

    def remember(self, kind: str, key: Digest, outcome: bytes) -> None:
        self._uses[f"remember {kind}"] += 1
        super().remember(kind, key, outcome)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        self._uses["scratch"] += 1
        with super().scratch() as path:
            yield path


class CountedFetcher(Fetcher):
    """Another fetcher, whose downloads are counted."""

    def __init__(self, fetcher: Fetcher, uses: Counter[str]) -> None:
        self.__dict__ = fetcher.__dict__
        self.uses = uses

    def download(self, *args: Any, **options: Any) -> Any:  # Fetcher's own
        self.uses["fetch"] += 1
        return super().download(*args, **options)

    def get(self, *args: Any, **options: Any) -> Any:  # Fetcher's own
        self.uses["fetch"] += 1
        return super().get(*args, **options)


class CountedWorld(World):
    """A world that counts fetches, processes and writes in `uses`."""

    def __init__(self, cache: Path, environment: Mapping[str, str], **options: Any) -> None:  # World's own
        import sys

        self.uses: Counter[str] = Counter()
        self.heard = Heard()
        self.clock = 1_800_000_000.0
        defaults = {"python": sys.executable, "offline": True, "threads": 1, "now": lambda: self.clock}
        super().__init__(
            environment=environment,
            cache=CountedCache(cache, self.uses),
            reporter=self.heard,
            **{**defaults, **options},
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        return CountedFetcher(World.fetcher.func(self), self.uses)  # type: ignore[attr-defined]  # below the property

    @cached_property
    def uv(self) -> Uv:
        def counted(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, stdin: bytes = b"") -> Finished:
            self.uses["uv"] += 1
            return run(argv, env=env, cwd=cwd, stdin=stdin)

        made = World.uv.func(self)  # type: ignore[attr-defined]  # the function below the cached property
        assert isinstance(made, Uv)
        return msgspec.structs.replace(made, runner=counted)


def ask(base: str, **changes: Any) -> Request:  # Request's own
    """Return the request for an image on *base*."""
    return Request(**{"base": base, "platform": platforms.parse("linux/amd64"), **changes})


def made(world: World, root: Path, request: Request) -> Built:
    """Build the project at *root*, as the command does."""
    with world.cache.in_use():
        return build(world, project_at(world, root), request)


def project_at(world: World, root: Path) -> Project:
    return read(str(root), memo_directory=world.memo_directory)
