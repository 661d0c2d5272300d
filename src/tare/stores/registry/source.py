"""Images read from a registry: manifests and configs now, layers when somebody opens them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO, TypeVar

import msgspec

from tare.errors import HostileInputError, NetworkError
from tare.oci.descriptor import Descriptor
from tare.oci.image import Blob, Image, ImageIndex
from tare.oci.manifest import MAX_DOCUMENT
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores import assemble
from tare.stores.registry import blobs, manifests
from tare.stores.registry.manifests import Document
from tare.stores.registry.problems import RefusalError
from tare.stores.registry.repository import Registries, Repository
from tare.stores.verified import VerifiedBlob, read_document

T = TypeVar("T")


class RegistrySource:
    """The image under *reference*, asked of the mirrors of its registry first."""

    def __init__(self, registries: Registries, reference: Reference, *, doing: str = "pull") -> None:
        self._repositories = registries.readers(reference, doing=doing)
        self._reference = reference
        self._whereabouts = registries.whereabouts
        self._top: Document | None = None

    @property
    def what(self) -> str:
        return f"`{self._reference.familiar}`"

    @property
    def origin(self) -> str:
        """The registry that answered, which may be a mirror; before `resolve`, the one that is asked first."""
        return self._repositories[0].registry

    def resolve(self) -> Descriptor:
        """Return what the reference points to now. A tag is looked up once in the life of this object."""
        return self._document().descriptor

    def read(self, platform: Platform | None = None) -> Image:
        return assemble.read_image(self, self.resolve(), platform)

    def read_all(self) -> Image | ImageIndex:
        return assemble.read_all(self, self.resolve())

    def document(self, descriptor: Descriptor, what: str) -> bytes:
        top = self._document()
        if descriptor.digest == top.digest:
            return top.raw
        if descriptor.media_type in manifests.MEDIA_TYPES:
            return self._fetch(descriptor)
        if descriptor.size > MAX_DOCUMENT:
            raise HostileInputError(
                f"{what} is too large", causes=(f"it has {descriptor.size:,} bytes; the limit is {MAX_DOCUMENT:,}",)
            )
        return read_document(BlobOpener(self._repositories, descriptor, what)(), descriptor, what=what)

    def layer(self, descriptor: Descriptor, what: str) -> Blob:
        self._whereabouts.note(descriptor.digest, self._reference)
        return VerifiedBlob(descriptor=descriptor, what=what, opener=BlobOpener(self._repositories, descriptor, what))

    def _document(self) -> Document:
        if self._top is None:
            name = self._reference.digest or self._reference.tag_or_latest
            self._top = self._first(name)
        return self._top

    def _first(self, name: str) -> Document:
        """Ask one repository after the other, and stay with the one that has the image."""
        try:
            repository, document = first(self._repositories, lambda each: manifests.get(each, name))
        except NetworkError as error:
            raise self._not_found(error) from error.__cause__
        self._repositories = self._repositories[self._repositories.index(repository) :]
        return document

    def _not_found(self, error: NetworkError) -> NetworkError:
        """Tell how to find out what there is, if the tag is not."""
        if self._reference.tag is None or not lacks_tag(error):
            return error
        repository = msgspec.structs.replace(self._reference, tag=None, digest=None).familiar
        hints = (f"`tare tags {repository}` lists its tags",)
        if isinstance(error, RefusalError):
            return RefusalError(error.message, causes=error.causes, hints=hints, problem=error.problem)
        return NowhereError(error.failed, hints) if isinstance(error, NowhereError) else error

    def _fetch(self, descriptor: Descriptor) -> bytes:
        """Return a manifest of the index. A mirror may have that without having all that it names."""
        return first(self._repositories, lambda each: manifests.fetch(each, descriptor))[1]


class BlobOpener:
    """Opens a blob of a repository, the first of several that lets it. Its bytes are not checked yet."""

    def __init__(self, repositories: tuple[Repository, ...], descriptor: Descriptor, what: str) -> None:
        self.repositories = repositories
        self._descriptor = descriptor
        self._what = what

    def __call__(self) -> BinaryIO:
        return self.at(0)

    def at(self, offset: int) -> BinaryIO:
        """Return the bytes from *offset* on."""
        what, descriptor = self._what, self._descriptor
        return first(self.repositories, lambda each: blobs.open_blob(each, descriptor, what=what, offset=offset))[1]


def first(repositories: Iterable[Repository], ask: Callable[[Repository], T]) -> tuple[Repository, T]:
    """Return the first of *repositories* that has an answer, and the answer."""
    failed: list[NetworkError] = []
    for repository in repositories:
        try:
            return repository, ask(repository)
        except NetworkError as error:
            failed.append(error)
    raise failed[0] if len(failed) == 1 else NowhereError(failed)


class NowhereError(NetworkError):
    """Neither a mirror nor the registry itself could be used: the registry's error, with what its mirrors said before."""

    def __init__(self, failed: list[NetworkError], hints: tuple[str, ...] | None = None) -> None:
        last = failed[-1]
        causes = dict.fromkeys(cause for error in failed for cause in error.causes)
        super().__init__(last.message, causes=tuple(causes), hints=last.hints if hints is None else hints)
        self.failed = failed
        """What each of them said, the registry itself last."""
        self.answered = any(map(was_answered, failed))
        """Whether one of them answered, so that it may have something else."""
        self.missing = was_missing(last)
        """Whether the registry itself said that there is no such thing."""


def was_answered(error: NetworkError) -> bool:
    """Return whether a registry answered, and had not what was asked for: it may have something else."""
    return isinstance(error, RefusalError) or (isinstance(error, NowhereError) and error.answered)


def was_missing(error: NetworkError) -> bool:
    """Return whether the registry itself said that there is no such thing."""
    if isinstance(error, RefusalError):
        return error.problem.status == 404
    return isinstance(error, NowhereError) and error.missing


def lacks_tag(error: NetworkError) -> bool:
    """Return whether the registry itself said that there is no such tag, and not that there is no such repository."""
    last = error.failed[-1] if isinstance(error, NowhereError) else error
    return isinstance(last, RefusalError) and last.problem.status == 404 and last.problem.code != "NAME_UNKNOWN"
