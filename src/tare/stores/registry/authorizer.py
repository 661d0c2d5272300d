"""What one registry is shown: nothing until it asks, then what it asked for, and never to anyone else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tare.net.address import Address
from tare.net.dial import basic
from tare.net.http import Answer, Client
from tare.stores.registry.settings import Clock, Settings

if TYPE_CHECKING:
    from tare.stores.registry.challenge import Challenge
    from tare.stores.registry.credentials import Credentials
    from tare.stores.registry.tokens import Token

Scopes = frozenset[str]
"""`repository:NAME:ACTIONS`, as token services spell what is to be allowed."""

_MAX_SCOPE: Final = 4096


class Authorizer:
    """Knows the credentials for a registry, and the tokens that they gave. For any number of threads."""

    def __init__(
        self,
        http: Client,
        settings: Settings,
        clock: Clock,
        *,
        registry: str,
        find: Callable[[], Credentials | None],
    ) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._registry = registry
        self._find = find
        self._credentials: Credentials | None = None
        self._looked = False
        self._scheme = ""
        self._realm = self._service = ""
        self._home: tuple[Address, str] | None = None
        self._tokens: dict[Scopes, Token] = {}
        self._wider: dict[Scopes, Scopes] = {}
        self._lock = threading.Lock()

    @property
    def user(self) -> str:
        """Whose credentials are sent, as far as a name is known."""
        if self._credentials is None or not self._scheme:
            return ""
        return self._credentials.user or "a token"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be printed."""
        known: tuple[str, ...] = ()
        if self._credentials:
            encoded = basic(self._credentials.user, self._credentials.password).partition(" ")[2]
            known = (encoded, *self._credentials.secrets)
        return (*known, *(token.value for token in list(self._tokens.values())))

    def field(self, scopes: Scopes, task: str) -> str | None:
        """Return the `Authorization` for a request that needs *scopes*, if the registry has asked for one."""
        if not self._scheme:
            return None
        with self._lock:
            return self._field(scopes, task)

    def learn(self, answer: Answer, scopes: Scopes, sent: str | None, task: str) -> bool:
        """Take in what a refusal asks for. Returns whether the same request may be allowed now."""
        from tare.stores.registry import challenge as challenges

        found = challenges.parse(answer.fields.all("www-authenticate"))
        with self._lock:
            credentials = self._look()
            chosen = _choose(found, credentials)
            if chosen is None:
                return False
            if chosen.scheme == "bearer":
                return self._learn_bearer(answer, chosen, scopes, sent, task)
            self._scheme = "basic"
            return self._field(scopes, task) != sent

    def _learn_bearer(self, answer: Answer, chosen: Challenge, scopes: Scopes, sent: str | None, task: str) -> bool:
        self._scheme = "bearer"
        self._realm, self._service = chosen.parameters["realm"], chosen.parameters.get("service", "")
        self._home = answer.address, answer.peer
        known = self._wider.get(scopes, scopes)
        wider = merged(known | frozenset(chosen.parameters.get("scope", "")[:_MAX_SCOPE].split()))
        if wider != merged(known):
            self._wider[scopes] = wider
        elif (token := self._tokens.get(known)) and sent == f"Bearer {token.value}":
            del self._tokens[known]  # It has expired early, or was revoked.
        return self._field(scopes, task) != sent

    def _field(self, scopes: Scopes, task: str) -> str | None:
        credentials = self._credentials
        if self._scheme == "basic":
            return basic(credentials.user, credentials.password) if credentials else None
        if credentials and credentials.registry_token:
            return f"Bearer {credentials.registry_token}"
        scopes = self._wider.get(scopes, scopes)
        token = self._tokens.get(scopes)
        if token is None or self._clock.monotonic() >= token.until:
            token = self._tokens[scopes] = self._fetch(scopes, task)
        return f"Bearer {token.value}"

    def _fetch(self, scopes: Scopes, task: str) -> Token:
        import msgspec

        from tare.stores.registry.tokens import TokenService

        if self._home is None:
            raise AssertionError("a token is fetched only after a challenge")
        home, peer = self._home
        service = TokenService(self._http, self._settings, self._clock, registry=self._registry, task=task)
        token = service.fetch(
            self._realm, self._service, tuple(sorted(scopes)), self._credentials, home=home, peer=peer
        )
        if token.refresh_token and self._credentials and self._credentials.identity_token:
            self._credentials = msgspec.structs.replace(self._credentials, identity_token=token.refresh_token)
        return token

    def _look(self) -> Credentials | None:
        if not self._looked:
            self._credentials = self._find()
            self._looked = True
        return self._credentials


def _choose(challenges: tuple[Challenge, ...], credentials: Credentials | None) -> Challenge | None:
    """Return the challenge to meet: a token service before a password, as Docker does."""
    for challenge in challenges:
        if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
            return challenge
    if credentials is None or not credentials.password:
        return None
    return next((challenge for challenge in challenges if challenge.scheme == "basic"), None)


def merged(scopes: Scopes) -> Scopes:
    """Return *scopes* with the actions on one resource put together.

    >>> sorted(merged(frozenset({"repository:a:pull", "repository:a:push,pull", "registry:catalog:*"})))
    ['registry:catalog:*', 'repository:a:pull,push']
    """
    actions: dict[str, set[str]] = {}
    for scope in scopes:
        resource, _, what = scope.rpartition(":")
        actions.setdefault(resource, set()).update(what.split(","))
    return frozenset(f"{resource}:{','.join(sorted(what))}" for resource, what in actions.items())
