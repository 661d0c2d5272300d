"""What a server's answer says about itself."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from tare.errors import NetworkError
from tare.net.urls import redacted

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})\Z")


def describe(answer: BaseHTTPResponse) -> str:
    """Return the status with its name. The reason that a server writes itself is not repeated."""
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)


def stated_length(answer: BaseHTTPResponse) -> int | None:
    """Return `Content-Length`, if there is one that stands."""
    value = answer.headers.get("Content-Length", "")
    if "Transfer-Encoding" in answer.headers or not (value.isascii() and value.isdigit()) or len(value) > 19:
        return None
    return int(value)


def content_range(answer: BaseHTTPResponse) -> tuple[int, int, int] | None:
    """Return first byte, end (exclusive) and total of the range that was sent; None if that is not said soundly."""
    found = _CONTENT_RANGE.match(answer.headers.get("Content-Range", "").strip())
    if found is None:
        return None
    first, last, total = map(int, found.groups())
    return (first, last + 1, total) if first <= last < total else None


def refused(answer: BaseHTTPResponse, *, url: str, final: str, user: str | None) -> NetworkError:
    """Return the error for an answer that is of no use."""
    causes = [f"the server answered {describe(answer)}"]
    if redacted(final) != redacted(url):
        causes[0] += f" for `{redacted(final)}`, where it redirects to"
    if answer.status in {401, 403}:
        causes.append("no credentials were sent" if user is None else "it does not take the credentials that were sent")
    if answer.status == 407:
        causes.append("the proxy wants credentials")
    return NetworkError(f"cannot fetch `{redacted(url)}`", causes=tuple(causes))
