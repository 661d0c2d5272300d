"""Registries and their repositories, as a run knows them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final, Self

from tare.net.address import Address
from tare.net.connection import Content
from tare.net.http import Answer, Client
from tare.oci.reference import Reference
from tare.stores.registry.attempts import Attempts
from tare.stores.registry.authorizer import Authorizer, Scopes
from tare.stores.registry.exchange import Request
from tare.stores.registry.places import Place, mirrors_of, place_of, tls_for
from tare.stores.registry.session import Session
from tare.stores.registry.settings import Clock, Settings
from tare.stores.registry.whereabouts import Whereabouts

if TYPE_CHECKING:
    from tare.stores.registry.credentials import Credentials

_ACTIONS: Final = {"pull": "pull", "push": "pull,push", "delete": "delete,pull"}


class Repository:
    """One repository of one registry, opened to do one thing. *reference* is what errors name."""

    def __init__(self, session: Session, reference: Reference, doing: str) -> None:
        self.session = session
        self.reference = reference
        self.name = session.place.prefix + reference.repository
        """As the registry has it, which for a mirror may be another name."""
        self.task = f"cannot {doing} `{reference.familiar}`"
        self.scopes: Scopes = frozenset({f"repository:{self.name}:{_ACTIONS.get(doing, 'pull')}"})

    @property
    def what(self) -> str:
        """The name of the image, as errors print it."""
        return f"`{self.reference.familiar}`"

    @property
    def registry(self) -> str:
        return self.session.place.registry

    def attempts(self) -> Attempts:
        return self.session.attempts()

    def request(
        self,
        method: str,
        where: str | Address,
        *,
        accept: Collection[int],
        fields: Mapping[str, str] | None = None,
        content: bytes | Content | None = None,
        patience: float = 1.0,
        also: Scopes = frozenset(),
    ) -> Answer:
        """Return an answer whose status is in *accept*, trying again when that may help.

        *where* is a path within the repository, or an address that the registry gave. *also* are scopes beyond those
        of the repository itself.
        """
        return self.session.request(
            Request(
                method=method,
                where=self._at(where),
                task=self.task,
                scopes=self.scopes | also,
                accept=accept,
                fields=fields or {},
                content=content,
                patience=patience,
            )
        )

    def read(
        self, where: str | Address, *, accept: Collection[int] = frozenset({200}), accept_type: str, limit: int
    ) -> tuple[Answer, bytes | None]:
        """GET a document of at most *limit* bytes, and return it with its answer; None when it has more."""
        request = Request(
            method="GET",
            where=self._at(where),
            task=self.task,
            scopes=self.scopes,
            accept=accept,
            fields={"Accept": accept_type},
        )
        return self.session.read(request, limit=limit)

    def once(
        self,
        method: str,
        where: str | Address,
        *,
        accept: Collection[int],
        fields: Mapping[str, str] | None = None,
        content: bytes | Content | None = None,
        patience: float = 1.0,
    ) -> Answer:
        """Make one attempt, and raise `TransientError` when another may go better."""
        return self.session.once(
            Request(
                method=method,
                where=self._at(where),
                task=self.task,
                scopes=self.scopes,
                accept=accept,
                fields=fields or {},
                content=content,
                patience=patience,
            )
        )

    def _at(self, where: str | Address) -> str | Address:
        return f"/v2/{self.name}/{where}" if isinstance(where, str) else where


class Registries:
    """What one run knows of registries: connections, tokens, warnings. For any number of threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        warn: Callable[[str], None] = lambda _: None,
        note: Callable[[str], None] = lambda _: None,
        whereabouts: Whereabouts | None = None,
    ) -> None:
        """*warn* is told what registries want people to read, *note* why a registry is waited for.

        *whereabouts* are of what was seen before.
        """
        self.settings = settings
        self.whereabouts = whereabouts or Whereabouts()
        self.clock = clock or Clock()
        self._warn = warn
        self._note = note
        self._http = Client(
            monotonic=self.clock.monotonic,
            tls=lambda address: tls_for(address, settings),
            proxies=settings.proxies,
            limits=settings.limits,
            user_agent=settings.user_agent,
        )
        self._sessions: dict[tuple[Place, str], Session] = {}
        self._lock = threading.Lock()

    def open(self, reference: Reference, *, doing: str = "pull") -> Repository:
        """Return the repository of *reference*. *doing* is `pull`, `push` or `delete`, or a verb that only reads."""
        return self._open(place_of(reference.registry, self.settings), reference, doing)

    def readers(self, reference: Reference, *, doing: str = "pull") -> tuple[Repository, ...]:
        """Return where *reference* can be read: from the mirrors of its registry, and then from itself."""
        places = (*mirrors_of(reference.registry, self.settings), place_of(reference.registry, self.settings))
        return tuple(self._open(place, reference, doing) for place in places)

    def ping(self, registry: str) -> None:
        """Raise an error unless *registry* speaks the protocol and lets us in."""
        place = place_of(registry, self.settings)
        session = self._session(place, "")
        task = f"cannot reach `{registry}`"
        session.request(Request(method="GET", where="/v2/", task=task, scopes=frozenset(), accept={200})).discard()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, place: Place, reference: Reference, doing: str) -> Repository:
        return Repository(self._session(place, place.prefix + reference.repository), reference, doing)

    def _session(self, place: Place, repository: str) -> Session:
        """Return the session for *repository*: containers' files may have credentials for each of them."""
        key = (place, repository)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                session = self._sessions[key] = self._make_session(place, repository)
        return session

    def _make_session(self, place: Place, repository: str) -> Session:
        authorizer = Authorizer(
            self._http,
            self.settings,
            self.clock,
            registry=place.registry,
            find=lambda: _credentials(self.settings, place.registry, repository),
        )
        return Session(
            place,
            self._http,
            authorizer,
            settings=self.settings,
            clock=self.clock,
            warn=self._warn,
            note=self._note,
        )


def _credentials(settings: Settings, registry: str, repository: str) -> Credentials | None:
    from tare.stores.registry import credentials  # a registry that everybody may read never asks

    return credentials.find(settings.credentials, registry, repository)
