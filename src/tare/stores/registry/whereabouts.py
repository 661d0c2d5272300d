"""Where blobs were seen, so that what lies in one repository of a registry is mounted into another of it.

What was brought there is remembered beyond the run: the layer of a large wheel is the same in every image, so the second
project that is pushed to a registry need not send it again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

import msgspec

from tare.errors import MachineError
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, sha256
from tare.oci.reference import Reference
from tare.stores.cache import Cache

_KIND: Final = "whereabouts"
_WORTH_IT: Final = 1024 * 1024
"""Bytes. Below, sending is as fast as asking; and a changed line writes nothing down."""

_MOST: Final = 2000
"""Blobs that are remembered of each registry, those that were brought last."""

_PLACES: Final = 2
"""Repositories that are remembered of each blob: each that has lost it costs two requests."""

_Places = dict[Digest, tuple[str, ...]]


class Whereabouts:
    """What is known of where blobs lie. For any number of threads."""

    def __init__(self, cache: Callable[[], Cache] | None = None) -> None:
        """*cache* gives what remembers it for other runs."""
        self._cache = cache
        self._seen: dict[Digest, dict[Reference, None]] = {}
        self._brought: dict[str, dict[Digest, str]] = {}
        self._before: dict[str, _Places] = {}

    def note(self, digest: Digest, reference: Reference) -> None:
        """The repository of *reference* has the blob, or a mirror that is asked in its place."""
        self._seen.setdefault(digest, {})[msgspec.structs.replace(reference, tag=None, digest=None)] = None

    def brought(self, descriptor: Descriptor, reference: Reference) -> None:
        """This run brought the blob into the repository of *reference*."""
        self.note(descriptor.digest, reference)
        if descriptor.size >= _WORTH_IT:
            self._brought.setdefault(reference.registry, {})[descriptor.digest] = reference.repository

    def of(self, digest: Digest, registry: str) -> tuple[Reference, ...]:
        """Return repositories that should have the blob; what this run saw comes before what *registry* once had."""
        before = self._remembered(registry).get(digest, ())
        known = (Reference(registry=registry, repository=name) for name in before)
        return tuple(dict.fromkeys((*self._seen.get(digest, ()), *known)))

    def save(self, registry: str) -> None:
        """Remember what was brought to *registry*. That the cache can only be read is no harm."""
        new = self._brought.pop(registry, None)
        if not new or self._cache is None:
            return
        places = dict(self._remembered(registry))
        for digest, repository in new.items():
            others = (name for name in places.pop(digest, ()) if name != repository)
            places[digest] = (repository, *others)[:_PLACES]
        places = dict(list(places.items())[-_MOST:])
        self._before[registry] = places
        with contextlib.suppress(MachineError):
            self._cache().remember(_KIND, sha256(registry.encode()), msgspec.json.encode(places))

    def _remembered(self, registry: str) -> _Places:
        known = self._before.get(registry)
        if known is None:
            found = self._cache().recall(_KIND, sha256(registry.encode()), _Places) if self._cache else None
            known = self._before[registry] = found or {}
        return known
