"""The tags of a repository.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from tare.stores.registry import problems
from tare.stores.registry.pages import pages
from tare.stores.registry.repository import Repository

_PAGE: Final = 1000
MAX_TAGS: Final = 1_000_000
_tag = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


class _Tags(msgspec.Struct):
    tags: list[str] | None = None


def tags(repository: Repository) -> Iterator[str]:
    """Yield the tags in the order in which the registry gives them, each once. A page is fetched when it is needed."""
    known: set[str] = set()
    for page, answer in pages(repository, f"tags/list?n={_PAGE}", _Tags):
        fresh = [tag for tag in page.tags or () if tag not in known]
        for tag in fresh:
            if _tag.fullmatch(tag) is None:
                shown = problems.shown(tag, ())[:80]
                raise problems.failed(
                    repository.task, "GET", answer.address, f"the answer has `{shown}`, which is no tag"
                )
        known.update(fresh)
        if len(known) > MAX_TAGS:
            raise problems.failed(repository.task, "GET", answer.address, f"it has more than {MAX_TAGS:,} tags")
        yield from fresh
        if page.tags and not fresh:
            raise problems.failed(
                repository.task, "GET", answer.address, "the list does not end: a page has nothing new"
            )
