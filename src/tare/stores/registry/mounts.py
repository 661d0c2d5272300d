"""Blobs of one repository, taken over into another of the same registry without their bytes.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#mounting-a-blob-from-another-repository
"""

from __future__ import annotations

from tare.errors import IntegrityError, NetworkError
from tare.net.address import Address, join
from tare.net.http import Answer
from tare.net.retry import TransientError
from tare.oci import digest as digests
from tare.oci.descriptor import Descriptor
from tare.stores.registry import problems
from tare.stores.registry.manifests import stated_digest
from tare.stores.registry.repository import Repository


def mount(repository: Repository, descriptor: Descriptor, name: str) -> bool:
    """Ask for a blob of another repository. A registry that does not do that starts an upload, which we cancel."""
    query = f"blobs/uploads/?mount={descriptor.digest}&from={name}"
    try:
        answer = repository.request("POST", query, accept={201, 202}, also=frozenset({f"repository:{name}:pull"}))
    except problems.RefusalError as refusal:
        if refusal.problem.status >= 500:
            raise
        return False  # We may not see that repository, or the registry knows no mounts.
    answer.discard()
    if answer.status == 201:
        check_digest(repository, descriptor, answer)
        return True
    _cancel(repository, join(answer.address, answer.fields.get("location")))
    return False


def _cancel(repository: Repository, place: Address | None) -> None:
    """Tell the registry that nothing will come. That it does not listen is no harm: uploads expire."""
    if place is not None:
        try:
            repository.once("DELETE", place, accept=range(200, 600)).discard()
        except (NetworkError, TransientError):
            return


def check_digest(repository: Repository, descriptor: Descriptor, answer: Answer) -> None:
    """Compare what the registry says that it got with what it should have got."""
    found = stated_digest(repository, "PUT", answer)
    if found and digests.algorithm(found) == digests.algorithm(descriptor.digest) and found != descriptor.digest:
        raise IntegrityError(
            repository.task,
            causes=(f"the blob is {descriptor.digest}, the registry says that it got {found}",),
        )
