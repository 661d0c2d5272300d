"""One request after another: credentials, redirects, and bodies that are read with care."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from tare.errors import NetworkError
from tare.net.answers import refused, stated_length
from tare.net.pace import Pace
from tare.net.retry import TRANSIENT, TransientError, retry_after
from tare.net.urls import Location, locate, proxy_for, redacted, redirected

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

Credentials = tuple[str, str]
"""A user's name and password."""

_CHUNK: Final = 256 * 1024
_REDIRECTS: Final = 10
_REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})
_SMALL: Final = 64 * 1024
"""Bytes of a body that is read only to keep the connection."""


class Session:
    """Sends single requests. What went wrong and may go right is a `TransientError`."""

    def __init__(
        self,
        *,
        ca_file: Path | None,
        proxies: Mapping[str, str],
        credentials: Callable[[str], Credentials | None] | None,
        offline: bool,
        user_agent: str,
        timeouts: tuple[float, float],
        monotonic: Callable[[], float],
    ) -> None:
        self._ca_file = ca_file
        self._proxies = dict(proxies)
        self._credentials = credentials
        self._offline = offline
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._timeouts = timeouts
        self._monotonic = monotonic
        self._pools: dict[str | None, PoolManager] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()

    def open(self, url: str, headers: Mapping[str, str], *, accept: frozenset[int]) -> BaseHTTPResponse:
        """Ask for *url*, follow its redirects, and return an answer whose status is in *accept*.

        Credentials go to the first URL's scheme, host and port, and nowhere else.
        """
        here = locate(url)
        if self._offline:
            raise NetworkError(
                f"cannot fetch `{redacted(url)}` while offline", hints=("Run the command again without `--offline`",)
            )
        user, first = self._user(here), here.origin
        for _ in range(_REDIRECTS + 1):
            answer = self._request(here, headers, user if here.origin == first else None)
            target = answer.headers.get("Location")
            if answer.status in _REDIRECTIONS and target:
                _discard(answer)
                here = redirected(here, target)
            elif answer.status in accept:
                return answer
            else:
                self._refuse(answer, url, here, user)
        raise cannot_fetch(url, f"it redirects more than {_REDIRECTS} times")

    def chunks(self, answer: BaseHTTPResponse, url: str) -> Iterator[bytes]:
        """Yield the body as it was sent, and let go of a server that trickles."""
        import urllib3

        pace = Pace(monotonic=self._monotonic)
        done = False
        try:
            while chunk := answer.read1(_CHUNK, decode_content=False):
                yield chunk
                if pace.too_slow(len(chunk)):
                    raise TransientError(cannot_fetch(url, f"the server sends less than {pace.floor} bytes a second"))
            done = True
        except urllib3.exceptions.HTTPError as error:
            self._translate(error, url)
        finally:
            if done:
                answer.release_conn()
            else:
                answer.close()

    def _user(self, location: Location) -> Credentials | None:
        if location.user is not None:
            return location.user, location.password
        return self._credentials(location.url) if self._credentials else None

    def _request(self, here: Location, headers: Mapping[str, str], user: Credentials | None) -> BaseHTTPResponse:
        import urllib3

        sent = {**self._headers, **headers}
        if user is not None:
            sent["Authorization"] = urllib3.make_headers(basic_auth=":".join(user))["authorization"]
        connect, read = self._timeouts
        try:
            return self._pool(here).request(
                "GET",
                here.url,
                headers=sent,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=connect, read=read),
            )
        except urllib3.exceptions.HTTPError as error:
            self._translate(error, here.url)

    def _refuse(self, answer: BaseHTTPResponse, url: str, here: Location, user: Credentials | None) -> NoReturn:
        error = refused(answer, url=url, final=here.url, user=user and user[0])
        wait = retry_after(answer.headers)
        _discard(answer)
        if answer.status in TRANSIENT:
            raise TransientError(error, wait=wait)
        raise error

    def _translate(self, error: Exception, url: str) -> NoReturn:
        """Raise urllib3's *error* in our words."""
        from tare.net.faults import explain

        fault, lasting = explain(error, url)
        if lasting:
            raise fault from None
        raise TransientError(fault) from None

    def _pool(self, here: Location) -> PoolManager:
        proxy = proxy_for(here, self._proxies)
        with self._lock:
            pool = self._pools.get(proxy)
            if pool is None:
                from tare.net.pools import make_pool

                pool = self._pools[proxy] = make_pool(proxy, self._ca_file)
        return pool


def cannot_fetch(url: str, cause: str) -> NetworkError:
    """Return the error that *url* could not be fetched."""
    return NetworkError(f"cannot fetch `{redacted(url)}`", causes=(cause,))


def _discard(answer: BaseHTTPResponse) -> None:
    """Read what is left, so that the connection can serve again, unless that is much."""
    length = stated_length(answer)
    if length is not None and length <= _SMALL:
        answer.drain_conn()
    else:
        answer.close()
