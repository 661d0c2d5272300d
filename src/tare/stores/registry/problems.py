"""Answers that are of no use, told so that a person can act on them.

What a registry writes is shown bounded and without control characters, and never with a secret that we sent it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from tare.errors import NetworkError
from tare.net.address import Address
from tare.net.http import Answer
from tare.net.wire import Fault, Fields
from tare.oci.structs import decoder

MAX_BODY: Final = 64 * 1024
"""Bytes of an error's body that are read."""

MAX_SHOWN: Final = 300
"""Characters of it that are shown."""

_LIMIT: Final = r"([0-9]{1,9})(?:[ ]*;.*?\bw=([0-9]{1,9}))?"


class _Error(msgspec.Struct):
    code: str = ""
    message: str | None = ""


class _Body(msgspec.Struct):
    errors: list[_Error] | None = None
    error: str | None = None
    error_description: str | None = None
    details: str | None = None
    message: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What a registry said instead of doing what it was asked."""

    status: int
    code: str = ""
    """One of the specification's error codes, such as `MANIFEST_UNKNOWN`."""

    text: str = ""
    """The registry's own words."""


class RefusalError(NetworkError):
    """A registry answered, and said no."""

    def __init__(
        self,
        message: str,
        *,
        causes: tuple[str, ...] = (),
        hints: tuple[str, ...] = (),
        problem: Problem,
        elsewhere: bool = False,
    ) -> None:
        super().__init__(message, causes=causes, hints=hints)
        self.problem = problem
        self.elsewhere = elsewhere
        """It was another server that said so, to which the registry had redirected."""


def read(answer: Answer, secrets: Iterable[str]) -> Problem:
    """Read what *answer* says about why it is not what was asked for."""
    return parse(answer, body_of(answer), secrets)


def body_of(answer: Answer) -> bytes:
    """Return the body of an error, as far as it is read. The status says enough if it comes too slowly, or not."""
    try:
        return answer.read(MAX_BODY) or b""
    except Fault:
        return b""


def parse(answer: Answer, body: bytes, secrets: Iterable[str]) -> Problem:
    """Make what can be made of the *body* of an error."""
    kind = answer.fields.get("content-type").partition(";")[0].strip().lower()
    try:
        found = decoder(_Body).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = f"the answer is {kind}" if kind and kind not in {"application/json", "text/plain"} else ""
        if kind in {"", "text/plain"}:
            text = body[:4096].decode("utf-8", "replace")
        return Problem(status=answer.status, text=shown(text, secrets))
    first = (found.errors or [_Error(code=found.error or "", message=found.error_description)])[0]
    text = first.message or found.details or found.message or ""
    return Problem(status=answer.status, code=shown(first.code, secrets)[:64], text=shown(text, secrets))


def shown(text: str, secrets: Iterable[str]) -> str:
    """Return *text* as it may be printed."""
    for secret in secrets:
        text = text.replace(secret, "…")
    text = "".join(character if character.isprintable() else " " for character in text[: 4 * MAX_SHOWN])
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def describe(problem: Problem) -> str:
    """Return `401 UNAUTHORIZED: authentication required`, or what there is of it."""
    status = f"{problem.status} {problem.code or _phrase(problem.status)}".strip()
    return f"{status}: {problem.text}" if problem.text else status


def refusal(
    task: str,
    method: str,
    answer: Answer,
    *,
    secrets: Iterable[str],
    login: tuple[str, str],
    body: Problem | None = None,
    elsewhere: bool = False,
) -> RefusalError:
    """Return the error for *answer*.

    *login* are the registry's name and the user whose credentials were sent. *elsewhere* says that it was another
    server that answered, to which the registry had redirected.
    """
    problem = body or read(answer, tuple(secrets))
    registry, user = login
    causes = [f"{method} {answer.address.shown}: {describe(problem)}"]
    if problem.status in {401, 403} and user:
        causes.append(f"the credentials of `{user[:80]}` were sent")
    if problem.status == 429 and (state := rate_limit(answer.fields)):
        causes.append(state)
    if elsewhere:
        causes.append(f"`{registry}` had redirected there")
    hints = () if elsewhere else _hints(problem, registry, user)
    return RefusalError(task, causes=tuple(causes), hints=hints, problem=problem, elsewhere=elsewhere)


def _hints(problem: Problem, registry: str, user: str) -> tuple[str, ...]:
    login = f"Run `docker login {registry}`; credentials are read from `~/.docker/config.json`"
    if problem.status == 401 or (problem.status == 403 and not user):
        return (login,)
    if problem.status == 429 and not user:
        return (f"Run `docker login {registry}`: registries allow more to those whom they know",)
    return ()


def rate_limit(fields: Fields) -> str:
    """Return what `ratelimit-limit` and `ratelimit-remaining` say, or nothing.

    https://docs.docker.com/docker-hub/usage/pulls/
    """
    limit = re.match(_LIMIT, fields.get("ratelimit-limit"))
    left = re.match(_LIMIT, fields.get("ratelimit-remaining"))
    if limit is None and left is None:
        return ""
    allowed = f"the registry allows {limit[1]} requests" if limit else "the registry limits requests"
    window = next((int(found[2]) for found in (limit, left) if found and found[2]), 0)
    if window:
        allowed += f" in {window // 3600} hours" if window % 3600 == 0 and window > 3600 else f" in {window} seconds"
    return f"{allowed}, {left[1]} are left" if left else allowed


def exhausted(fields: Fields) -> bool:
    """Return whether the registry says that nothing is left of what it allows."""
    left = re.match(_LIMIT, fields.get("ratelimit-remaining"))
    return left is not None and int(left[1]) == 0


def failed(task: str, method: str, address: Address, reason: str, hints: tuple[str, ...] = ()) -> NetworkError:
    """Return the error for a request that got no answer of use."""
    return NetworkError(task, causes=(f"{method} {address.shown}: {reason}",), hints=hints)


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
