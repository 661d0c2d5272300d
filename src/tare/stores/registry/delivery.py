"""Blobs brought into a repository: looked for, mounted from where they are known to be, and uploaded only then.

What the registry has, or can mount, is not opened: a base that lies in another registry is only downloaded when the
target lacks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tare.oci.descriptor import Descriptor
from tare.oci.image import Blob
from tare.stores.registry import blobs, parallel, uploads
from tare.stores.registry.repository import Registries, Repository


def deliver(
    registries: Registries,
    repository: Repository,
    wanted: Iterable[Blob],
    *,
    threads: int,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Bring every blob of *wanted* that *repository* lacks. The largest go first, so that none is left last.

    *progress* is told how many bytes went out, or less than 0 when some have to go again.
    """
    missing: list[Blob] = []
    stop = parallel.Stop()

    def report(count: int) -> None:
        if stop.set:
            raise parallel.StoppedError
        progress(count)

    def look(blob: Blob) -> None:
        if blobs.has(repository, blob.descriptor):
            registries.whereabouts.note(blob.descriptor.digest, repository.reference)
        else:
            missing.append(blob)

    def bring(blob: Blob) -> None:
        sources = mounts_of(registries, repository, blob.descriptor)
        uploads.upload(repository, blob, mount_from=sources, progress=report)
        registries.whereabouts.brought(blob.descriptor, repository.reference)

    parallel.run(look, wanted, threads=threads, stop=stop)
    missing.sort(key=lambda blob: (-blob.descriptor.size, blob.descriptor.digest))
    parallel.run(bring, missing, threads=threads, stop=stop)
    registries.whereabouts.save(repository.reference.registry)


def mounts_of(registries: Registries, repository: Repository, descriptor: Descriptor) -> tuple[str, ...]:
    """Return the other repositories of the same registry that should have a blob."""
    names = dict.fromkeys(
        reader.name
        for reference in registries.whereabouts.of(descriptor.digest, repository.reference.registry)
        for reader in registries.readers(reference)
        if reader.registry == repository.registry
    )
    names.pop(repository.name, None)
    return tuple(names)
