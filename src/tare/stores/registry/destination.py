"""Images written to a registry: blobs first, manifests by digest, and the tag last of all.

What the registry has, or can mount, is not opened: a base that lies in another registry is only downloaded when the
target lacks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tare.errors import UsageError
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.image import Blob, Image, ImageIndex
from tare.oci.manifest import Index, Manifest
from tare.oci.reference import Reference
from tare.stores.registry import blobs, manifests, parallel, problems, uploads
from tare.stores.registry.repository import Registries
from tare.stores.registry.source import mounts_of

_NEAR: Final = 0.005
"""Seconds. A registry that answers sooner is kept waiting by processors, not by distance: more threads only fight."""


class RegistryDestination:
    """Writes to *reference*, and to the same repository under the other *tags*.

    *mounts* are, for the digests of blobs, repositories of the same registry that may have them. *progress* is told
    how many bytes went out.
    """

    def __init__(
        self,
        registries: Registries,
        reference: Reference,
        *,
        tags: tuple[str, ...] = (),
        mounts: Mapping[Digest, tuple[str, ...]] | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._repository = registries.open(reference, doing="push")
        self._reference = reference
        self._names = _names(reference, tags)
        self._mounts = mounts or {}
        self._threads = registries.settings.threads
        self._monotonic = registries.clock.monotonic
        self._progress = progress

    def write(self, image: Image | ImageIndex) -> Descriptor:
        if self._reference.digest and self._reference.digest != image.digest:
            raise UsageError(f"cannot push to `{self._reference.familiar}`", causes=(f"the image is {image.digest}",))
        if self._is_there(image):
            return image.descriptor
        self._write_blobs(_blobs_of(image))
        for member in image.images if isinstance(image, ImageIndex) else ():
            self._put(member.digest, member.raw, member.manifest)
        top = image.index if isinstance(image, ImageIndex) else image.manifest
        for name in self._names:
            self._put(name, image.raw, top)
        return image.descriptor

    def _is_there(self, image: Image | ImageIndex) -> bool:
        """Return whether nothing is to be done, and learn how far the registry is."""
        started = self._monotonic()
        try:
            found = manifests.head(self._repository, self._names[0])
        except problems.RefusalError as refusal:
            if refusal.problem.status != 403:
                raise
            return False  # Some registries say this of what is not there; whether we may push is found out soon.
        if self._monotonic() - started < _NEAR:
            self._threads = min(self._threads, 2)
        return found is not None and found.digest == image.digest and len(self._names) == 1

    def _write_blobs(self, blobs_of_image: list[Blob]) -> None:
        """Look for every blob, and bring those that are not there. The largest go first, so that none is left last."""
        missing: list[Blob] = []
        stop = parallel.Stop()

        def look(blob: Blob) -> None:
            if not blobs.has(self._repository, blob.descriptor):
                missing.append(blob)

        def bring(blob: Blob) -> None:
            def report(count: int) -> None:
                if stop.set:
                    raise parallel.StoppedError
                self._progress(count)

            uploads.upload(self._repository, blob, mount_from=self._mounts_of(blob), progress=report)

        parallel.run(look, blobs_of_image, threads=self._threads, stop=stop)
        missing.sort(key=lambda blob: (-blob.descriptor.size, blob.descriptor.digest))
        parallel.run(bring, missing, threads=self._threads, stop=stop)

    def _mounts_of(self, blob: Blob) -> tuple[str, ...]:
        named = self._mounts.get(blob.descriptor.digest, ())
        names = dict.fromkeys((*mounts_of(blob, self._repository.registry), *named))
        names.pop(self._repository.name, None)
        return tuple(names)

    def _put(self, name: str, raw: bytes, document: Manifest | Index) -> None:
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
    images = image.images if isinstance(image, ImageIndex) else (image,)
    found = {blob.descriptor.digest: blob for member in images for blob in member.blobs}
    return [blob for blob in found.values() if not _is_foreign(blob.descriptor)]


def _is_foreign(descriptor: Descriptor) -> bool:
    return bool(descriptor.urls) and ("nondistributable" in descriptor.media_type or "foreign" in descriptor.media_type)
