"""The outside world as one value: what a command hands down, so that nothing below looks around by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from tare.errors import MachineError, NetworkError, UsageError
from tare.oci.descriptor import Descriptor
from tare.oci.image import Blob
from tare.stores.cache import Cache
from tare.stores.registry.whereabouts import Whereabouts

if TYPE_CHECKING:
    from tare.engines.interface import Engine
    from tare.net.fetch import Fetcher
    from tare.projects.project import Project
    from tare.projects.uv import Uv
    from tare.stores.open import Surroundings
    from tare.stores.registry.repository import Registries


_OF_A_REPOSITORY: Final = frozenset({
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE",
})  # fmt: skip
"""Variables that a hook of git is run with. They name the repository of the hook, which no other git may write to.
(`git rev-parse --local-env-vars` has them, and those of settings, which stay.)"""


class Reporter:
    """Hears what happens. Its methods do nothing: a library is silent, a command draws."""

    def step(self, name: str) -> None:
        """A step begins."""

    def total(self, size: int) -> None:
        """The step will move *size* bytes more."""

    def advance(self, size: int) -> None:
        """The step moved *size* bytes; fewer than none when some have to be moved again. Called from any thread."""

    def note(self, text: str) -> None:
        """The person may want to know."""

    def warn(self, text: str) -> None:
        """The person should know, and perhaps do something about it."""


class World:
    """Environment, clock, cache and network of one run of a command."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        python: str,
        cache: Cache,
        now: Callable[[], float],
        reporter: Reporter,
        offline: bool = False,
        find_links: tuple[str, ...] = (),
        threads: int = 2,
        root: Path = Path("/"),
        insecure: tuple[str, ...] = (),
        mirrors: tuple[str, ...] = (),
        engines: Callable[[], Sequence[Engine]] = tuple,
        stdin: BinaryIO | None = None,
    ) -> None:
        self.environment = {name: value for name, value in environment.items() if name not in _OF_A_REPOSITORY}
        self.python = python
        """The interpreter that runs tare."""
        self.cache = cache
        self.now = now
        """Seconds since 1970."""
        self.reporter = reporter
        self.offline = offline
        self.find_links = find_links
        self.threads = threads
        self.root = root
        """The machine's file system, where apt's configuration and keyrings lie."""
        self.insecure = insecure
        self.mirrors = mirrors
        self.engines = engines
        """What runs containers here, the one to prefer first."""
        self.whereabouts = Whereabouts(lambda: self.cache)
        """Which repositories have which blobs."""
        self.stdin = stdin
        """Where `docker-archive:-` is read from."""
        self.started = now()
        self._project: Project | None = None
        self._login: Callable[[str], tuple[str, str] | None] | None = None
        self.seconds: dict[str, float] = {}
        """How long each step took."""

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce a step and measure how long it takes."""
        self.reporter.step(name)
        started = self.now()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self.now() - started

    def fetch_for(self, project: Project) -> None:
        """Say whose files are fetched from now on: a project names indexes, and may have credentials for them."""
        self._project, self._login = project, None

    @property
    def epoch(self) -> int:
        """Seconds since 1970 that every file and the image are dated to.

        https://reproducible-builds.org/specs/source-date-epoch/; 1980 by default, because zip tools inside an image
        refuse earlier files.
        """
        text = self.environment.get("SOURCE_DATE_EPOCH", "315532800")
        if not (text.isascii() and text.isdigit()) or int(text) >= 8**11:
            raise UsageError(
                f"SOURCE_DATE_EPOCH is `{text[:40]}`", causes=("expected seconds since 1970, below 8,589,934,592",)
            )
        return int(text)

    @property
    def memo_directory(self) -> str:
        """Where the reading of projects and the answers of uv are remembered."""
        return str(self.cache.root / "memo" / "projects")

    @cached_property
    def fetcher(self) -> Fetcher:
        """The door to the network. What it reads of the environment is what uv reads."""
        from tare.flow.credentials import asks_keyring, credentials, indexes_of
        from tare.net.fetch import Fetcher

        def find(url: str) -> tuple[str, str] | None:
            if self._login is None:
                project = self._project
                self._login = credentials(
                    self.environment,
                    lambda: indexes_of(project, self.uv) if project else (),
                    keyring=project is not None and asks_keyring(project, self.uv),
                )
            return self._login(url)

        certificates = self.environment.get("SSL_CERT_FILE")
        return Fetcher(
            ca_file=Path(certificates) if certificates else None,
            proxies=self._proxies,
            credentials=find,
            offline=self.offline,
            note=self.reporter.note,
        )

    @cached_property
    def registries(self) -> Registries:
        """Connections to registries, with what the machine knows of mirrors, certificates and credentials."""
        return self._registries()

    @cached_property
    def glancing(self) -> Registries:
        """The same, for what is asked about many bases of which any may be out of reach: given up soon."""
        from tare.net.connection import Limits

        return self._registries(attempts=2, limits=Limits(connect=4.0, answer=15.0), deadline=30.0)

    def _registries(self, **changes: object) -> Registries:
        import msgspec

        from tare.flow.registries import settings
        from tare.stores.registry.repository import Registries

        if self.offline:
            raise NetworkError(
                "cannot reach a registry while offline", hints=("Run the command again without `--offline`",)
            )
        found = settings(
            self.environment, root=self.root, proxies=self._proxies, insecure=self.insecure, mirrors=self.mirrors
        )
        return Registries(
            msgspec.structs.replace(found, processors=max(2, self.threads), **changes),
            warn=self.reporter.warn,
            note=self.reporter.note,
            whereabouts=self.whereabouts,
        )

    def unverified(self, image: str) -> bool:
        """Tell whether the registry of *image* need not show who it is: on loopback, as Docker has it, or as was said."""
        from tare.flow.registries import unverified

        return unverified(image, self.insecure)

    def close(self) -> None:
        """End the connections that were made."""
        for name in ("fetcher", "registries", "glancing"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @property
    def surroundings(self) -> Surroundings:
        """What the places of images need."""
        from tare.stores.open import Surroundings

        return Surroundings(
            docker_host=self.environment.get("DOCKER_HOST", "unix:///var/run/docker.sock"),
            stdin=self.stdin,
            scratch=self.cache.partial,
            registries=lambda: self.registries,
            progress=self.reporter.advance,
        )

    @cached_property
    def uv(self) -> Uv:
        """The resolver and the builder of source distributions."""
        from tare.projects.uv import Uv

        # uv ships its own certificates and looks at the system's only when it is told to; who names a file means it.
        extra = {"UV_SYSTEM_CERTS": "1"} if "SSL_CERT_FILE" in self.environment else {}
        return Uv(
            python=self.python,
            env={**extra, **self.environment},
            offline=self.offline,
            find_links=self.find_links,
            memo=self.memo_directory,
        )

    def resolver(self, fresh: bool) -> Uv:  # noqa: FBT001  # it is the one thing to say
        """Return uv; a *fresh* one asks indexes again what it has asked before."""
        import msgspec

        return msgspec.structs.replace(self.uv, refresh=True) if fresh else self.uv

    @property
    def _proxies(self) -> dict[str, str]:
        found = {name: self._either(f"{name}_proxy") for name in ("http", "https", "all", "no")}
        return {name: value for name, value in found.items() if value}

    def _either(self, name: str) -> str | None:
        """Return a variable that tools spell in lower case or in capitals; the lower case one wins, as in curl."""
        return self.environment.get(name) or self.environment.get(name.upper())


def held(world: World, descriptor: Descriptor) -> Blob:
    """Return a blob that a step before has put into the cache."""
    blob = world.cache.find(descriptor)
    if blob is None:
        raise MachineError(
            f"the blob {descriptor.digest} vanished from the cache at `{world.cache.root}`",
            hints=("Run the command again; `tare cache prune` waits for builds, other tools may not",),
        )
    return blob
