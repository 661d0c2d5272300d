"""Token services: where a registry sends its clients for a bearer token.

https://distribution.github.io/distribution/spec/auth/token/ and …/auth/oauth/
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from tare.net.address import Address, join
from tare.net.dial import Permit, basic
from tare.net.http import Answer, Client
from tare.net.retry import TRANSIENT, TransientError
from tare.net.wire import Fault
from tare.oci.structs import decoder
from tare.stores.registry import guard, problems
from tare.stores.registry.attempts import retry_after
from tare.stores.registry.credentials import Credentials
from tare.stores.registry.places import is_insecure
from tare.stores.registry.settings import Clock, Settings

_MAX: Final = 1024 * 1024
"""Bytes of an answer, as in containers/image."""

_REDIRECTS: Final = 5
_LIFETIME: Final = 60.0
"""Seconds, when the service does not say."""

_LONGEST: Final = 24 * 3600.0
_CLIENT: Final = "tare"
_bearer = re.compile(r"[A-Za-z0-9._~+/=:|@$!*-]{1,65536}")


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A bearer token."""

    value: str

    until: float
    """On the monotonic clock: from then on another one is asked for."""

    refresh_token: str = ""

    def __repr__(self) -> str:
        return f"Token(until={self.until})"


class _Reply(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_in: float | None = None


class TokenService:
    """Asks the token service that a registry at *home* named."""

    def __init__(self, http: Client, settings: Settings, clock: Clock, *, registry: str, task: str) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._registry = registry
        self._task = task

    def fetch(
        self,
        realm: str,
        service: str,
        scopes: tuple[str, ...],
        credentials: Credentials | None,
        *,
        home: Address,
        peer: str | None,
    ) -> Token:
        """Return a token for *scopes*."""
        address = join(home, realm)
        if address is None:
            raise problems.failed(self._task, "GET", home, f"its token service `{realm[:80]}` has no sound address")
        try:
            permit = self._check(home, peer, address)
        except Fault as fault:
            raise problems.failed(self._task, "GET", home, f"its token service is refused: {fault.reason}") from None
        identity = credentials.identity_token if credentials else ""
        if identity:
            answer = self._send("POST", address, _form(service, scopes, identity), credentials, permit)
            if answer.status not in {404, 405}:
                return self._token(answer, "POST", credentials)
            answer.discard()
        answer = self._send("GET", _with_query(address, service, scopes, credentials), None, credentials, permit)
        return self._token(answer, "GET", credentials)

    def _check(self, home: Address, peer: str | None, realm: Address) -> Permit | None:
        """Raise `Fault` unless credentials for the registry may be shown to *realm*."""
        if realm.origin == home.origin or is_insecure(realm, realm.netloc, self._settings):
            return None
        if realm.scheme == "http":
            raise Fault(f"`{realm.shown}` is not encrypted", transient=False)
        return guard.permit_from(home, peer, realm)

    def _send(
        self, method: str, address: Address, form: bytes | None, credentials: Credentials | None, permit: Permit | None
    ) -> Answer:
        fields = {"Accept": "application/json"}
        if form is not None:
            fields["Content-Type"] = "application/x-www-form-urlencoded"
        elif credentials and (credentials.password or credentials.identity_token):
            user = credentials.user or ("<token>" if credentials.identity_token else "")
            fields["Authorization"] = basic(user, credentials.password or credentials.identity_token)
        here = address
        for _ in range(_REDIRECTS + 1):
            try:
                answer = self._http.send(method, here, fields, form, permit=permit)
            except Fault as fault:
                error = problems.failed(self._task, method, here, fault.reason, fault.hints)
                if fault.transient:
                    raise TransientError(error) from None
                raise error from None
            if method != "GET" or answer.status not in {301, 302, 303, 307, 308}:
                return answer
            target = join(here, answer.fields.get("location"))
            answer.discard()
            if target is None or target.origin != here.origin:
                # Whoever the service trusts, the user did not name them.
                raise problems.failed(self._task, method, here, "it redirects to another server")
            here = target
        raise problems.failed(self._task, method, here, f"it redirects more than {_REDIRECTS} times")

    def _token(self, answer: Answer, method: str, credentials: Credentials | None) -> Token:
        secrets = credentials.secrets if credentials else ()
        if answer.status != 200:
            user = (credentials.user or "an identity token") if credentials else ""
            wait = retry_after(answer.fields, self._clock)
            error = problems.refusal(self._task, method, answer, secrets=secrets, login=(self._registry, user))
            if answer.status in TRANSIENT:
                raise TransientError(error, wait=wait)
            raise error
        reply = self._read(answer, method)
        value = reply.token or reply.access_token or ""
        if _bearer.fullmatch(value) is None:
            raise problems.failed(self._task, method, answer.address, "the answer has no sound token")
        lifetime = reply.expires_in if reply.expires_in and reply.expires_in > 0 else _LIFETIME
        lifetime = min(lifetime, _LONGEST)
        until = self._clock.monotonic() + lifetime - min(lifetime / 5, 15.0)
        return Token(value=value, until=until, refresh_token=reply.refresh_token or "")

    def _read(self, answer: Answer, method: str) -> _Reply:
        try:
            body = answer.read(_MAX)
        except Fault as fault:
            error = problems.failed(self._task, method, answer.address, fault.reason)
            if fault.transient:
                raise TransientError(error) from None
            raise error from None
        if body is None:
            raise problems.failed(self._task, method, answer.address, f"the answer has more than {_MAX:,} bytes")
        try:
            return decoder(_Reply).decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise problems.failed(self._task, method, answer.address, "the answer is not a token") from None


def _form(service: str, scopes: tuple[str, ...], identity: str) -> bytes:
    from urllib.parse import urlencode

    fields = [("grant_type", "refresh_token"), ("service", service), ("client_id", _CLIENT)]
    fields += [("scope", " ".join(scopes))] if scopes else []
    return urlencode([*fields, ("refresh_token", identity)]).encode("ascii")


def _with_query(address: Address, service: str, scopes: tuple[str, ...], credentials: Credentials | None) -> Address:
    from urllib.parse import urlencode

    fields = [("service", service)] if service else []
    fields += [("scope", scope) for scope in scopes]
    fields += [("account", credentials.user)] if credentials and credentials.user else []
    separator = "&" if "?" in address.target else "?"
    return address.at(f"{address.target}{separator}{urlencode(fields)}") if fields else address
