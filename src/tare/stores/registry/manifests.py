"""Manifests and indexes of a repository, by tag or by digest.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from tare.errors import HostileInputError, IntegrityError, NetworkError
from tare.net.http import Answer
from tare.oci import digest as digests
from tare.oci import manifest as documents
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.manifest import MAX_DOCUMENT, Index, Manifest
from tare.stores.registry import problems
from tare.stores.registry.repository import Repository

MEDIA_TYPES: Final = media_types.INDEXES | media_types.MANIFESTS
_ACCEPT: Final = ", ".join(sorted(MEDIA_TYPES, reverse=True))
_SCHEMA_1: Final = frozenset({media_types.DOCKER_MANIFEST_V1, media_types.DOCKER_MANIFEST_V1_SIGNED})
_UNTYPED: Final = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
"""Content types that simple servers give to anything. What the document says of itself counts then."""

_PATIENCE: Final = 5.0
"""Registries look up every blob of a manifest before they take it."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest or an index, as a registry has it."""

    raw: bytes
    digest: Digest

    media_type: str
    """What the document says of itself, or else what the registry said."""

    parsed: Manifest | Index

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(media_type=self.media_type, digest=self.digest, size=len(self.raw))


def get(repository: Repository, name: str) -> Document:
    """Return the document under *name*, a tag or a digest, verified."""
    answer, raw = repository.read(f"manifests/{name}", accept_type=_ACCEPT, limit=MAX_DOCUMENT)
    return _parse(repository, name, answer, raw)


def raw(repository: Repository, name: str) -> tuple[bytes, str]:
    """Return the bytes under *name* and the media type that they are announced with, believing neither."""
    answer, found = repository.read(f"manifests/{name}", accept_type=_ACCEPT, limit=MAX_DOCUMENT)
    if found is None:
        raise _too_large(repository, answer)
    return found, _content_type(answer)


def find(repository: Repository, name: str) -> Document | None:
    """Return the document under *name*, or None if there is none."""
    answer, raw = repository.read(f"manifests/{name}", accept={200, 404}, accept_type=_ACCEPT, limit=MAX_DOCUMENT)
    return None if answer.status == 404 else _parse(repository, name, answer, raw)


def head(repository: Repository, name: str) -> Descriptor | None:
    """Return what *name* points to without fetching it, or None if there is nothing."""
    answer = repository.request("HEAD", f"manifests/{name}", accept={200, 404, 405}, fields={"Accept": _ACCEPT})
    answer.discard()
    if answer.status == 404:
        return None
    digest = stated_digest(repository, "HEAD", answer)
    media_type = _content_type(answer)
    size = answer.length
    if answer.status == 405 or digest is None or size is None or media_type in _UNTYPED:
        found = find(repository, name)
        return found.descriptor if found else None
    if ":" in name and digests.algorithm(digest) == digests.algorithm(name) and digest != name:
        raise _damaged(repository, name, name, digest)
    return Descriptor(media_type=media_type, digest=digest, size=size)


def put(repository: Repository, name: str, raw: bytes, media_type: str) -> bool:
    """Write a document under *name*. Returns whether the registry keeps its `subject` in the referrers list itself."""
    answer = repository.request(
        "PUT",
        f"manifests/{name}",
        accept={201, 200, 202, 204},
        fields={"Content-Type": media_type},
        content=raw,
        patience=_PATIENCE,
    )
    answer.discard()
    if answer.status != 201 and not answer.fields.get("docker-content-digest"):
        # A login page says 200, too.
        raise problems.failed(
            repository.task, "PUT", answer.address, f"it answered {answer.status} in the place of 201"
        )
    _check_header(repository, "PUT", answer, raw)
    return "oci-subject" in answer.fields


def delete(repository: Repository, name: str) -> bool:
    """Remove a manifest by its digest, or a tag. Returns whether there was one."""
    answer = repository.request("DELETE", f"manifests/{name}", accept={202, 200, 204, 404})
    answer.discard()
    return answer.status != 404


def fetch(repository: Repository, descriptor: Descriptor) -> bytes:
    """Return the bytes of a document that an index names, verified."""
    if descriptor.size > MAX_DOCUMENT:
        raise HostileInputError(
            f"the manifest {descriptor.digest} of {repository.what} is too large",
            causes=(f"it has {descriptor.size:,} bytes; the limit is {MAX_DOCUMENT:,}",),
        )
    document = get(repository, descriptor.digest)
    if len(document.raw) != descriptor.size:
        raise _damaged(repository, descriptor.digest, f"{descriptor.size:,} bytes", f"{len(document.raw):,} bytes")
    return document.raw


def _parse(repository: Repository, name: str, answer: Answer, raw: bytes | None) -> Document:
    media_type = _content_type(answer)
    _check_type(repository, answer, media_type)
    if raw is None:
        raise _too_large(repository, answer)
    if ":" in name:
        _check_digest(repository, name, raw)
    _check_header(repository, "GET", answer, raw)
    what = f"the manifest of {repository.what}"
    parsed = documents.parse(raw, what=what, media_type=None if media_type in _UNTYPED else media_type)
    digest = name if ":" in name else digests.sha256(raw)
    default = media_types.INDEX if isinstance(parsed, Index) else media_types.MANIFEST
    stated = "" if media_type in _UNTYPED else media_type
    return Document(raw=raw, digest=digest, media_type=parsed.media_type or stated or default, parsed=parsed)


def _too_large(repository: Repository, answer: Answer) -> HostileInputError:
    cause = f"GET {answer.address.shown}: the manifest has more than {MAX_DOCUMENT:,} bytes, which is the limit"
    return HostileInputError(repository.task, causes=(cause,))


def _content_type(answer: Answer) -> str:
    return answer.fields.get("content-type").partition(";")[0].strip().lower()


def _check_type(repository: Repository, answer: Answer, media_type: str) -> None:
    if media_type in MEDIA_TYPES | _UNTYPED:
        return
    if media_type in _SCHEMA_1:
        raise IntegrityError(
            f"{repository.what} is of Docker's schema 1, which tare does not read",
            hints=("Copy the image with a current tool, for example `skopeo copy --format oci`",),
        )
    shown = problems.shown(media_type, ())[:80]
    raise NetworkError(
        repository.task,
        causes=(f"GET {answer.address.shown}: the answer is `{shown}`, which is no manifest",),
        hints=("Is that a registry? A proxy or a login page may have answered in its place",)
        if media_type == "text/html"
        else (),
    )


def _check_digest(repository: Repository, digest: Digest, raw: bytes) -> None:
    found = _hash(digest, raw)
    if found != digest:
        raise _damaged(repository, digest, digest, f"{found} ({len(raw):,} bytes)")


def _hash(like: Digest, raw: bytes) -> Digest:
    """Return the digest of *raw* by the algorithm of *like*."""
    return f"{digests.algorithm(like)}:{hashlib.new(digests.algorithm(like), raw).hexdigest()}"


def _check_header(repository: Repository, method: str, answer: Answer, raw: bytes) -> None:
    """Compare what the registry says that it sent or got with the bytes. The specification lets it say nothing."""
    stated = stated_digest(repository, method, answer)
    if stated and (found := _hash(stated, raw)) != stated:
        raise IntegrityError(
            repository.task,
            causes=(
                f"{method} {answer.address.shown}: the registry says that this is {stated}, the bytes are {found}",
            ),
        )


def stated_digest(repository: Repository, method: str, answer: Answer) -> Digest | None:
    """Return `Docker-Content-Digest`, which has to be one when it is there."""
    stated = answer.fields.get("docker-content-digest")
    if not stated:
        return None
    try:
        return digests.parse(stated)
    except IntegrityError as error:
        raise IntegrityError(
            repository.task,
            causes=(f"{method} {answer.address.shown}: {problems.shown(error.message, ())}", *error.causes),
        ) from None


def _damaged(repository: Repository, digest: str, expected: str, found: str) -> IntegrityError:
    return IntegrityError(
        f"the manifest {digest} of {repository.what} is damaged", causes=(f"expected {expected}, got {found}",)
    )
