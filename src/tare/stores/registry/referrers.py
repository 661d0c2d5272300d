"""What refers to a manifest: signatures, SBOMs, provenance.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers, and for registries that do not
keep the list, an index under the tag `sha256-<hex>`, which clients keep themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from tare.errors import NetworkError
from tare.oci import digest as digests
from tare.oci import manifest as documents
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.manifest import Index, Manifest
from tare.stores.registry import manifests
from tare.stores.registry.pages import pages
from tare.stores.registry.repository import Repository

_TRIES: Final = 4
"""Times that the list under a tag is written, when somebody else writes it at the same time."""


def referrers(repository: Repository, digest: Digest, artifact_type: str | None = None) -> tuple[Descriptor, ...]:
    """Return the manifests whose subject is *digest*, all of them or those of one type."""
    digests.parse(digest)
    query = f"?{_query(artifact_type)}" if artifact_type else ""
    found: list[Descriptor] | None = None
    for page, _ in pages(
        repository,
        f"referrers/{digest}{query}",
        Index,
        missing=frozenset({400, 404, 405, 501}),
        accept=media_types.INDEX,
    ):
        found = [*(found or []), *page.manifests]
    if found is None:
        found = list(_tagged(repository, digest))
    return tuple(entry for entry in found if artifact_type is None or entry.artifact_type == artifact_type)


def keep(repository: Repository, subject: Digest, descriptor: Descriptor) -> None:
    """Put *descriptor* into the list of *subject* under a tag, for a registry that does not do it itself."""
    _change(
        repository,
        subject,
        lambda entries: (
            entries if any(entry.digest == descriptor.digest for entry in entries) else (*entries, descriptor)
        ),
    )


def drop(repository: Repository, subject: Digest, digest: Digest) -> None:
    """Take *digest*, which was deleted, out of the list of *subject* under a tag, if there is one."""
    if manifests.head(repository, tag_of(subject)) is not None:
        _change(repository, subject, lambda entries: tuple(entry for entry in entries if entry.digest != digest))


def tag_of(subject: Digest) -> str:
    """Return the tag under which a list of referrers is kept.

    >>> tag_of("sha256:" + "0" * 64)[:11]
    'sha256-0000'
    """
    digests.parse(subject)
    return f"{digests.algorithm(subject)[:32]}-{digests.encoded(subject)[:64]}"


def descriptor_of(raw: bytes, document: Manifest | Index, media_type: str) -> Descriptor:
    """Return the entry that a list of referrers has for a document."""
    artifact_type = document.artifact_type
    if artifact_type is None and isinstance(document, Manifest):
        artifact_type = document.config.media_type
    return Descriptor(
        media_type=media_type,
        digest="sha256:" + hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        artifact_type=artifact_type,
        annotations=document.annotations,
    )


def _tagged(repository: Repository, subject: Digest) -> tuple[Descriptor, ...]:
    found = manifests.find(repository, tag_of(subject))
    return found.parsed.manifests if found and isinstance(found.parsed, Index) else ()


def _change(
    repository: Repository, subject: Digest, change: Callable[[tuple[Descriptor, ...]], tuple[Descriptor, ...]]
) -> None:
    """Read the list, change it, write it, and look whether it stayed: registries have no way to do that at once."""
    for _ in range(_TRIES):
        before = _tagged(repository, subject)
        after = change(before)
        if after == before:
            return
        index = Index(schema_version=2, media_type=media_types.INDEX, manifests=after)
        manifests.put(repository, tag_of(subject), documents.encode(index), media_types.INDEX)
    if change(current := _tagged(repository, subject)) != current:
        raise NetworkError(
            repository.task,
            causes=(f"the list of referrers `{tag_of(subject)}` was changed by others {_TRIES} times in a row",),
        )


def _query(artifact_type: str) -> str:
    from urllib.parse import urlencode

    return urlencode({"artifactType": artifact_type})
