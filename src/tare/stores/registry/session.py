"""One registry during one run: where it answers, what it was shown, and what it said.

`once` is one request with what belongs to it: authorization, redirects, warnings. `request` tries it again when that
may help. Nothing that we know of one server is ever told to another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

from tare.errors import NetworkError
from tare.net.address import Address, join
from tare.net.connection import Content
from tare.net.http import Answer, Client
from tare.net.retry import TRANSIENT, TransientError
from tare.net.wire import Fault
from tare.stores.registry import problems
from tare.stores.registry.attempts import Attempts, retry_after
from tare.stores.registry.authorizer import Authorizer, Scopes
from tare.stores.registry.places import Place
from tare.stores.registry.settings import Clock, Settings

_REDIRECTS: Final = 10
_FOLLOWED: Final = frozenset({301, 302, 303, 307, 308})
_AUTHORIZATIONS: Final = 2
"""Times that the refusal of one request is shown to the authorizer: for a token, and for a wider or a fresh one."""

T = TypeVar("T")


class Session:
    """Speaks to the registry at *place*, from any number of threads."""

    def __init__(
        self,
        place: Place,
        http: Client,
        authorizer: Authorizer,
        *,
        settings: Settings,
        clock: Clock,
        warn: Callable[[str], None],
    ) -> None:
        self.place = place
        self.settings = settings
        self.clock = clock
        self._http = http
        self._authorizer = authorizer
        self._warn = warn
        self._warned: set[str] = set()
        self._base: Address | None = None
        self._peer: str | None = None
        self._lock = threading.Lock()

    def attempts(self) -> Attempts:
        """Return a fresh count of attempts."""
        return Attempts(limit=self.settings.attempts, deadline=self.settings.deadline, clock=self.clock)

    def request(
        self,
        method: str,
        where: str | Address,
        *,
        task: str,
        scopes: Scopes,
        accept: Collection[int],
        fields: Mapping[str, str] | None = None,
        content: bytes | Content | None = None,
        patience: float = 1.0,
    ) -> Answer:
        """Return an answer whose status is in *accept*; try again as long as that may help.

        *where* is a path under the registry's own address, or an address that the registry gave. *task* is what an
        error says could not be done.
        """

        def attempt() -> Answer:
            return self.once(
                method,
                where,
                task=task,
                scopes=scopes,
                accept=accept,
                fields=fields,
                content=content,
                patience=patience,
            )

        return self._repeat(attempt, once=isinstance(content, Content) and content.once)

    def read(
        self,
        where: str | Address,
        *,
        task: str,
        scopes: Scopes,
        accept: Collection[int],
        accept_type: str,
        limit: int,
    ) -> tuple[Answer, bytes | None]:
        """GET a document of at most *limit* bytes, and return it with its answer; None when it has more."""

        def attempt() -> tuple[Answer, bytes | None]:
            answer = self.once("GET", where, task=task, scopes=scopes, accept=accept, fields={"Accept": accept_type})
            try:
                return answer, answer.read(limit)
            except Fault as fault:
                raise self._failed("GET", answer.address, task, fault) from None

        return self._repeat(attempt)

    def _repeat(self, attempt: Callable[[], T], *, once: bool = False) -> T:
        attempts = self.attempts()
        while True:
            try:
                return attempt()
            except TransientError as transient:
                if once:
                    raise transient.error from None
                attempts.pause(transient)

    @staticmethod
    def _failed(method: str, address: Address, task: str, fault: Fault) -> NetworkError | TransientError:
        error = problems.failed(task, method, address, fault.reason, fault.hints)
        return TransientError(error) if fault.transient else error

    def once(
        self,
        method: str,
        where: str | Address,
        *,
        task: str,
        scopes: Scopes,
        accept: Collection[int],
        fields: Mapping[str, str] | None = None,
        content: bytes | Content | None = None,
        patience: float = 1.0,
    ) -> Answer:
        """Make one attempt, and raise `TransientError` when another may go better."""
        exchange = _Exchange(method, task=task, scopes=scopes, fields=fields or {}, content=content, patience=patience)
        target = where
        seen: set[str] = set()
        asked = 0
        while True:
            answer = self._send(exchange, target)
            self._note(answer)
            if answer.status in accept:
                return answer
            if answer.status in {401, 403} and not exchange.away and asked < _AUTHORIZATIONS:
                asked += 1
                if self._allowed_now(exchange, answer):
                    continue
            if answer.status not in _FOLLOWED or not answer.fields.get("location"):
                raise self._refused(exchange, answer)
            target = self._follow(exchange, answer)
            exchange.away |= self._base is None or target.origin != self._base.origin
            if str(target) in seen or len(seen) >= _REDIRECTS:
                reason = (
                    "it redirects in a circle" if str(target) in seen else f"it redirects more than {_REDIRECTS} times"
                )
                raise problems.failed(task, method, answer.address, reason)
            seen.add(str(target))

    def _send(self, exchange: _Exchange, target: str | Address) -> Answer:
        if self._base is None:
            with self._lock:
                if self._base is None:
                    return self._find(exchange, target)
        address = self._base.at(target) if isinstance(target, str) else target
        return self._send_to(exchange, address)

    def _find(self, exchange: _Exchange, target: str | Address) -> Answer:
        """Send the first request to each address that the registry may have, and keep the one that answers."""
        first: NetworkError | TransientError | None = None
        for candidate in self.place.candidates:
            last = candidate is self.place.candidates[-1]
            try:
                answer = self._send_to(exchange, candidate.at(target) if isinstance(target, str) else target)
            except (NetworkError, TransientError) as error:
                if first is None or (isinstance(error, NetworkError) and error.hints):
                    first = error  # A certificate that is not trusted says more than the failure to do without.
                continue
            if answer.status == 400 and candidate.scheme == "http" and not last:
                body = problems.body_of(answer)
                first = self._refused(exchange, answer, problems.parse(answer, body, ()))
                if exchange.method == "HEAD" or b"HTTPS" in body:
                    continue  # Servers that speak TLS say so in these words, or not at all to a HEAD.
                raise first
            self._base, self._peer = candidate, answer.peer
            return answer
        raise first or AssertionError("a place has candidates")

    def _send_to(self, exchange: _Exchange, address: Address) -> Answer:
        fields = dict(exchange.fields)
        exchange.sent = None
        permit = None
        try:
            if self._base is not None and address.origin != self._base.origin:
                from tare.stores.registry import guard

                exchange.away = True
                permit = guard.permit_from(self._base, self._peer, address)
            elif not exchange.away:
                exchange.sent = self._authorizer.field(exchange.scopes, exchange.task)
                if exchange.sent:
                    fields["Authorization"] = exchange.sent
            return self._http.send(
                exchange.method, address, fields, exchange.content, permit=permit, patience=exchange.patience
            )
        except Fault as fault:
            raise self._failed(exchange.method, address, exchange.task, fault) from None

    def _allowed_now(self, exchange: _Exchange, answer: Answer) -> bool:
        if answer.status == 403 and "insufficient_scope" not in answer.fields.get("www-authenticate"):
            return False
        if isinstance(exchange.content, Content) and exchange.content.once:
            return False
        try:
            allowed = self._authorizer.learn(answer, exchange.scopes, exchange.sent, exchange.task)
        except BaseException:
            answer.close()
            raise
        if allowed:
            answer.discard()
        return allowed

    def _follow(self, exchange: _Exchange, answer: Answer) -> Address:
        """Return where a redirect leads."""
        target = join(answer.address, answer.fields.get("location"))
        answer.discard()
        if exchange.method not in {"GET", "HEAD"} and answer.status not in {307, 308}:
            raise problems.failed(
                exchange.task, exchange.method, answer.address, f"it answers {answer.status}, which loses the request"
            )
        if target is None:
            raise problems.failed(exchange.task, exchange.method, answer.address, "it redirects to no sound address")
        from tare.stores.registry import guard

        try:
            guard.check_scheme(answer.address, target)
        except Fault as fault:
            raise problems.failed(exchange.task, exchange.method, answer.address, fault.reason) from None
        return target

    def _refused(
        self, exchange: _Exchange, answer: Answer, problem: problems.Problem | None = None
    ) -> NetworkError | TransientError:
        error = problems.refusal(
            exchange.task,
            exchange.method,
            answer,
            secrets=self._authorizer.secrets,
            login=(self.place.registry, self._authorizer.user if exchange.sent else ""),
            body=problem,
            elsewhere=exchange.away,
        )
        if answer.status in TRANSIENT:
            return TransientError(error, wait=retry_after(answer.fields, self.clock))
        return error

    def _note(self, answer: Answer) -> None:
        """Pass on what a registry warns of, once."""
        values = answer.fields.all("warning")
        if values and not (self._base and answer.address.origin != self._base.origin):
            from tare.stores.registry.warnings import texts

            for text in texts(values):
                if text not in self._warned:
                    self._warned.add(text)
                    self._warn(f"`{self.place.registry}` warns: {text}")


class _Exchange:
    """What belongs to one request while it is led through authorization and redirects."""

    def __init__(
        self,
        method: str,
        *,
        task: str,
        scopes: Scopes,
        fields: Mapping[str, str],
        content: bytes | Content | None,
        patience: float,
    ) -> None:
        self.method = method
        self.task = task
        self.scopes = scopes
        self.fields = fields
        self.content = content
        self.patience = patience
        self.sent: str | None = None
        """The `Authorization` that went with it last."""
        self.away = False
        """It has left the registry: from there on nobody is shown anything, wherever it leads."""
