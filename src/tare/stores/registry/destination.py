"""Images written to a registry: blobs first, manifests by digest, and the tag last of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tare.errors import UsageError
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.image import Artifact, Blob, Image, ImageIndex, parts
from tare.oci.manifest import Index
from tare.oci.reference import Reference
from tare.stores.registry import manifests, problems
from tare.stores.registry.delivery import deliver
from tare.stores.registry.repository import Registries

_NEAR: Final = 0.005
"""Seconds. A registry that answers sooner is kept waiting by processors, not by distance: more threads only fight."""


class RegistryDestination:
    """Writes to *reference*, and to the same repository under the other *tags*.

    *progress* is told how many bytes went out.
    """

    def __init__(
        self,
        registries: Registries,
        reference: Reference,
        *,
        tags: tuple[str, ...] = (),
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._registries = registries
        self._repository = registries.open(reference, doing="push")
        self._reference = reference
        self._names = _names(reference, tags)
        self._threads = registries.settings.threads
        self._processors = registries.settings.processors
        self._monotonic = registries.clock.monotonic
        self._progress = progress

    def write(self, image: Image | ImageIndex) -> Descriptor:
        if self._reference.digest and self._reference.digest != image.digest:
            raise UsageError(f"cannot push to `{self._reference.familiar}`", causes=(f"the image is {image.digest}",))
        found = self._tagged()
        if found is not None and found.digest == image.digest and len(self._names) == 1:
            return image.descriptor
        deliver(
            self._registries,
            self._repository,
            _blobs_of(image),
            threads=self._threads,
            progress=self._progress,
        )
        *members, whole = parts(image)
        for member in members:
            self._put(member.digest, member)
        for name in self._names:
            self._put(name, whole)
        return image.descriptor

    def _tagged(self) -> Descriptor | None:
        """Return what the tag points to now, and learn how far the registry is."""
        started = self._monotonic()
        try:
            found = manifests.head(self._repository, self._names[0])
        except problems.RefusalError as refusal:
            if refusal.problem.status != 403:
                raise
            return None  # Some registries say this of what is not there; whether we may push is found out soon.
        if self._monotonic() - started < _NEAR:
            self._threads = min(self._threads, self._processors)
        return found

    def _put(self, name: str, part: Image | Artifact | ImageIndex) -> None:
        raw = part.raw
        document = part.index if isinstance(part, ImageIndex) else part.manifest
        default = media_types.INDEX if isinstance(document, Index) else media_types.MANIFEST
        media_type = document.media_type or default
        kept = manifests.put(self._repository, name, raw, media_type)
        if document.subject is not None and not kept:
            from tare.stores.registry import referrers

            entry = referrers.descriptor_of(raw, document, media_type)
            referrers.keep(self._repository, document.subject.digest, entry)


def _names(reference: Reference, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return what the image shall be found under, other than its own digest."""
    if reference.digest and not (reference.tag or tags):
        return (reference.digest,)
    return tuple(dict.fromkeys((reference.tag_or_latest, *tags)))


def _blobs_of(image: Image | ImageIndex) -> list[Blob]:
    """Return every blob once. Layers that may not be distributed stay where their URLs say."""
    members = (part for part in parts(image) if not isinstance(part, ImageIndex))
    found = {blob.descriptor.digest: blob for member in members for blob in member.blobs}
    return [blob for blob in found.values() if not _is_foreign(blob.descriptor)]


def _is_foreign(descriptor: Descriptor) -> bool:
    return bool(descriptor.urls) and ("nondistributable" in descriptor.media_type or "foreign" in descriptor.media_type)
