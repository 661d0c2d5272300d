"""urllib3's exceptions, told so that a person can act on them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Final

from urllib3 import exceptions

from tare.errors import NetworkError
from tare.net.urls import redacted

_WORDS: Final = (
    (exceptions.NameResolutionError, "the host's name is not known"),
    (exceptions.NewConnectionError, ""),  # the innermost exception says it; to urllib3 this is a kind of timeout
    (exceptions.ConnectTimeoutError, "the connection timed out"),
    (exceptions.ReadTimeoutError, "the server went silent"),
    (exceptions.IncompleteRead, "the connection ended before the answer did"),
)
_CERTIFICATES: Final = "Name the certificates to trust in a file with `SSL_CERT_FILE`"


def explain(error: Exception, url: str) -> tuple[NetworkError, bool]:
    """Return the error to raise, and whether it would come again."""
    hints: tuple[str, ...] = ()
    chain = list(_chain(error))
    lasting = isinstance(error, exceptions.LocationValueError)
    cause = _cause(chain)
    for inner in chain:
        if isinstance(inner, ssl.SSLCertVerificationError):
            cause, hints, lasting = f"the certificate is not trusted: {inner.verify_message}", (_CERTIFICATES,), True
    if isinstance(error, exceptions.ProxyError):
        cause = f"the proxy cannot be used: {cause}"
    return NetworkError(f"cannot fetch `{redacted(url)}`", causes=(cause,), hints=hints), lasting


def _cause(chain: list[BaseException]) -> str:
    for inner in chain:
        words = next((words for kind, words in _WORDS if isinstance(inner, kind)), "")
        if words:
            return words
    innermost = chain[-1]
    text = getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__
    # urllib3 prints its objects with their addresses.
    return re.sub(r"<[^>]*>:?\s*", "", str(text))[:300].lower()


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and what it came from, outermost first."""
    seen: set[int] = set()
    here: BaseException | None = error
    while here is not None and id(here) not in seen:
        seen.add(id(here))
        yield here
        wrapped = next((item for item in here.args if isinstance(item, Exception)), None)
        here = wrapped or here.__cause__ or here.__context__
