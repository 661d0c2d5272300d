"""Lists that come page by page: `Link: <…>; rel="next"` (RFC 8288), followed no further than the registry itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeVar

from tare.errors import IntegrityError
from tare.net.address import Address, join
from tare.net.http import Answer
from tare.oci.manifest import MAX_DOCUMENT, decode
from tare.stores.registry import problems
from tare.stores.registry.repository import Repository

MAX_PAGES: Final = 10_000
_link = re.compile(r'<([^<>"\s]{1,4096})>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)\s*(?:,|\Z)')
_next = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=\s*(?:;|\Z)))', re.IGNORECASE)

Page = TypeVar("Page")


def pages(
    repository: Repository,
    path: str,
    kind: type[Page],
    *,
    missing: frozenset[int] = frozenset(),
    accept: str = "application/json",
) -> Iterator[tuple[Page, Answer]]:
    """Yield each page of the list at *path*, decoded. Nothing if the first answer's status is in *missing*."""
    where: str | Address = path
    seen: set[str] = set()
    while True:
        allowed = frozenset({200}) if seen else missing | {200}
        answer, raw = repository.read(where, accept=allowed, accept_type=accept, limit=MAX_DOCUMENT)
        if answer.status != 200:
            return
        yield _decode(repository, answer, raw, kind), answer
        following = _following(repository, answer)
        if following is None:
            return
        seen.add(str(answer.address))
        if str(following) in seen or len(seen) >= MAX_PAGES:
            raise problems.failed(
                repository.task, "GET", answer.address, "the list does not end: its pages lead in a circle"
            )
        where = following


def _decode(repository: Repository, answer: Answer, raw: bytes | None, kind: type[Page]) -> Page:
    if raw is None:
        raise problems.failed(repository.task, "GET", answer.address, f"the list has more than {MAX_DOCUMENT:,} bytes")
    try:
        return decode(raw, kind, what=f"the answer to GET {answer.address.shown}")
    except IntegrityError as error:
        stated = problems.shown(answer.fields.get("content-type"), ())[:80]
        raise problems.failed(
            repository.task, "GET", answer.address, f"the answer (`{stated}`) is no such list"
        ) from error


def _following(repository: Repository, answer: Answer) -> Address | None:
    """Return the address of the next page."""
    for value in answer.fields.all("link"):
        for target, parameters in _link.findall(value):
            if _next.search(parameters):
                address = join(answer.address, target)
                if address is None or address.origin != answer.address.origin:
                    raise problems.failed(
                        repository.task, "GET", answer.address, "the list goes on at another server, which is refused"
                    )
                return address
    return None
