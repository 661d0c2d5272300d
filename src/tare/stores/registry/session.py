"""One registry during one run: where it answers, what it was shown, and what it said.

`once` is one request with what belongs to it: authorization, redirects, warnings. `request` tries it again when that
may help. Nothing that we know of one server is ever told to another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from tare.errors import NetworkError
from tare.net.address import Address, join
from tare.net.http import Answer, Client
from tare.net.retry import TRANSIENT, TransientError
from tare.net.wire import Fault
from tare.stores.registry import problems
from tare.stores.registry.attempts import Attempts, retry_after
from tare.stores.registry.authorizer import Authorizer
from tare.stores.registry.exchange import Exchange, Request
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
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.place = place
        self.settings = settings
        self.clock = clock
        self._http = http
        self._authorizer = authorizer
        self._warn = warn
        self._tell = note
        self._warned: set[str] = set()
        self._base: Address | None = None
        self._peer: str | None = None
        self._lock = threading.Lock()

    def attempts(self) -> Attempts:
        """Return a fresh count of attempts."""
        return Attempts(
            limit=self.settings.attempts, deadline=self.settings.deadline, clock=self.clock, note=self._tell
        )

    def request(self, request: Request) -> Answer:
        """Return an answer whose status is accepted; try again as long as that may help."""
        return self._repeat(lambda: self.once(request))

    def read(self, request: Request, *, limit: int) -> tuple[Answer, bytes | None]:
        """Return an answer with its body, which has at most *limit* bytes; None when it has more."""

        def attempt() -> tuple[Answer, bytes | None]:
            answer = self.once(request)
            try:
                return answer, answer.read(limit)
            except Fault as fault:
                raise self._failed(request, answer.address, fault) from None

        return self._repeat(attempt)

    def _repeat(self, attempt: Callable[[], T]) -> T:
        attempts = self.attempts()
        while True:
            try:
                return attempt()
            except TransientError as transient:
                attempts.pause(transient)

    def _failed(self, request: Request, address: Address, fault: Fault) -> NetworkError | TransientError:
        hints = (*fault.hints, *self._advice(fault, address))
        error = problems.failed(request.task, request.method, address, fault.reason, hints)
        return TransientError(error) if fault.transient else error

    def _advice(self, fault: Fault, address: Address) -> tuple[str, ...]:
        """Return what may help when the registry itself cannot be reached."""
        at_home = any(address.origin == candidate.origin for candidate in self.place.candidates)
        if not fault.kind or self._base is not None or not at_home:
            return ()
        from tare.stores.registry import advice

        return advice.unreachable(fault.kind, self.place)

    def once(self, request: Request) -> Answer:
        """Make one attempt, and raise `TransientError` when another may go better."""
        exchange = Exchange(request)
        target = request.where
        seen: set[str] = set()
        asked = 0
        while True:
            answer = self._send(exchange, target)
            self._note(answer)
            if answer.status in request.accept:
                return answer
            if answer.status in {401, 403} and not exchange.away and asked < _AUTHORIZATIONS:
                asked += 1
                if self._allowed_now(exchange, answer):
                    continue
            if answer.status not in _FOLLOWED or not answer.fields.get("location"):
                raise self._refused(exchange, answer)
            target = self._follow(request, answer)
            exchange.away |= self._base is None or target.origin != self._base.origin
            if str(target) in seen or len(seen) >= _REDIRECTS:
                circle = str(target) in seen
                reason = "it redirects in a circle" if circle else f"it redirects more than {_REDIRECTS} times"
                raise problems.failed(request.task, request.method, answer.address, reason)
            seen.add(str(target))

    def _send(self, exchange: Exchange, target: str | Address) -> Answer:
        if self._base is None:
            with self._lock:
                if self._base is None:
                    return self._find(exchange, target)
        address = self._base.at(target) if isinstance(target, str) else target
        return self._send_to(exchange, address)

    def _find(self, exchange: Exchange, target: str | Address) -> Answer:
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
                if exchange.request.method == "HEAD" or b"HTTPS" in body:
                    continue  # Servers that speak TLS say so in these words, or not at all to a HEAD.
                raise first
            self._base, self._peer = candidate, answer.peer
            return answer
        raise first or AssertionError("a place has candidates")

    def _send_to(self, exchange: Exchange, address: Address) -> Answer:
        fields = dict(exchange.request.fields)
        exchange.sent = None
        permit = None
        try:
            if self._base is not None and address.origin != self._base.origin:
                from tare.stores.registry import guard

                exchange.away = True
                permit = guard.permit_from(self._base, self._peer, address)
            elif not exchange.away:
                exchange.sent = self._authorizer.field(exchange.request.scopes, exchange.request.task)
                if exchange.sent:
                    fields["Authorization"] = exchange.sent
            return self._http.send(
                exchange.request.method,
                address,
                fields,
                exchange.request.content,
                permit=permit,
                patience=exchange.request.patience,
            )
        except Fault as fault:
            raise self._failed(exchange.request, address, fault) from None

    def _allowed_now(self, exchange: Exchange, answer: Answer) -> bool:
        if answer.status == 403 and "insufficient_scope" not in answer.fields.get("www-authenticate"):
            return False
        try:
            allowed = self._authorizer.learn(answer, exchange.request.scopes, exchange.sent, exchange.request.task)
        except BaseException:
            answer.close()
            raise
        if allowed:
            answer.discard()
        return allowed

    @staticmethod
    def _follow(request: Request, answer: Answer) -> Address:
        """Return where a redirect leads."""
        from tare.stores.registry import guard

        answer.discard()
        target = join(answer.address, answer.fields.get("location"))
        if request.method not in {"GET", "HEAD"} and answer.status not in {307, 308}:
            reason = f"it answers {answer.status}, which loses the request"
            raise problems.failed(request.task, request.method, answer.address, reason)
        if target is None:
            raise problems.failed(request.task, request.method, answer.address, "it redirects to no sound address")
        try:
            guard.check_scheme(answer.address, target)
        except Fault as fault:
            raise problems.failed(request.task, request.method, answer.address, fault.reason) from None
        return target

    def _refused(
        self, exchange: Exchange, answer: Answer, problem: problems.Problem | None = None
    ) -> NetworkError | TransientError:
        error = problems.refusal(
            exchange.request.task,
            exchange.request.method,
            answer,
            secrets=self._authorizer.secrets,
            login=(self.place.registry, self._authorizer.user if exchange.sent else ""),
            body=problem,
            elsewhere=exchange.away,
        )
        if answer.status in TRANSIENT:
            wait = retry_after(answer.fields, self.clock)
            return TransientError(error, wait=wait, exhausted=problems.exhausted(answer.fields))
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
