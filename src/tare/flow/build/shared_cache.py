"""A cache that a fleet shares through a registry: what one machine worked out, another finds by the same key.

Each outcome is an artifact in the repository of `--cache`: its config is the outcome itself, its layers are the blobs
that the outcome names, and its tag is the step's kind and the digest of the step's inputs. So a layer that somebody
built is neither built nor downloaded again: it is pushed from repository to repository, or opened where it lies.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tare.errors import HostileInputError
from tare.oci import manifest as manifests
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest, encoded
from tare.oci.image import Blob, memory_blob
from tare.oci.manifest import Manifest
from tare.oci.reference import Reference
from tare.stores.cache import Cache
from tare.stores.registry import manifests as remote
from tare.stores.registry.delivery import deliver
from tare.stores.registry.repository import Registries
from tare.stores.registry.source import RegistrySource

KINDS: Final = frozenset({"assembled", "base-layers", "bytecode", "facts", "layers", "prepared", "recompressed"})
"""The steps whose outcomes are shared: those that take long, and mean the same on every machine."""

ARTIFACT: Final = "application/vnd.tare.outcome.v1+json"


class SharedCache(Cache):
    """A cache of this machine with a repository behind it."""

    def __init__(self, root: Path, registries: Registries, reference: Reference) -> None:
        super().__init__(root)
        self._registries = registries
        self._reference = reference
        self._source = RegistrySource(registries, reference)
        self._repository = registries.open(reference, doing="read the shared cache")
        self._there: set[Digest] = set()
        self._new: dict[tuple[str, Digest], bytes] = {}

    def find(self, descriptor: Descriptor) -> Blob | None:
        local = super().find(descriptor)
        if local is None and descriptor.digest in self._there:
            return self._source.layer(descriptor, f"a layer of `{self._reference.familiar}`")
        return local

    def remembered(self, kind: str, key: Digest) -> bytes | None:
        local = super().remembered(kind, key)
        if kind not in KINDS:
            return local
        document = remote.find(self._repository, _tag(kind, key))
        if document is None or not isinstance(document.parsed, Manifest):
            if local is not None:
                self._new[kind, key] = local
            return local
        for layer in document.parsed.layers:
            self._there.add(layer.digest)
            self._registries.whereabouts.note(layer.digest, self._reference)
        if local is not None:
            return local
        outcome = self._read(document.parsed.config)
        super().remember(kind, key, outcome)
        return outcome

    def _read(self, descriptor: Descriptor) -> bytes:
        what = f"an outcome in `{self._reference.familiar}`"
        if descriptor.size > manifests.MAX_DOCUMENT:
            raise HostileInputError(
                f"{what} is too large",
                causes=(f"it has {descriptor.size:,} bytes; the limit is {manifests.MAX_DOCUMENT:,}",),
            )
        with self._source.layer(descriptor, what).open() as stream:
            return stream.read()

    def remember(self, kind: str, key: Digest, outcome: bytes) -> None:
        super().remember(kind, key, outcome)
        if kind in KINDS:
            self._new[kind, key] = outcome

    def share(self) -> int:
        writer = self._registries.open(self._reference, doing="push")
        for (kind, key), outcome in self._new.items():
            config = memory_blob(outcome, ARTIFACT)
            named = [blob for descriptor in descriptors(outcome) if (blob := self.find(descriptor)) is not None]
            deliver(self._registries, writer, (config, *named), threads=self._registries.settings.threads)
            raw = manifests.encode(_manifest(config.descriptor, tuple(blob.descriptor for blob in named)))
            remote.put(writer, _tag(kind, key), raw, media_types.MANIFEST)
        return len(self._new)


def descriptors(outcome: bytes) -> tuple[Descriptor, ...]:
    """Return every descriptor in a document, each once: these are the blobs that an outcome names."""
    found: dict[Digest, Descriptor] = {}
    waiting: list[object] = [msgspec.json.decode(outcome)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
            if {"mediaType", "digest", "size"} <= value.keys():
                descriptor = msgspec.convert(value, Descriptor)
                found[descriptor.digest] = descriptor
        elif isinstance(value, list):
            waiting.extend(value)
    return tuple(found[digest] for digest in sorted(found))


def _manifest(config: Descriptor, layers: tuple[Descriptor, ...]) -> Manifest:
    return Manifest(
        schema_version=2, media_type=media_types.MANIFEST, artifact_type=ARTIFACT, config=config, layers=layers
    )


def _tag(kind: str, key: Digest) -> str:
    return f"{kind}-{encoded(key)}"
