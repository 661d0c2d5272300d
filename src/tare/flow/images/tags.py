"""What a repository's tags are: asked of a registry with few requests, or taken from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Final, TypeVar

import msgspec

from tare.bases import other_tags, tag_choice, tags
from tare.bases.catalogue.catalogue import Catalogue, catalogue
from tare.bases.tag_choice import Wanted
from tare.bases.tag_listing import Content, Listing, Seen
from tare.errors import NetworkError, UsageError
from tare.flow.world import World
from tare.oci import manifest as documents
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.manifest import Index, Manifest
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores import platforms
from tare.stores.registry import manifests, parallel, source
from tare.stores.registry import tags as tag_lists
from tare.stores.registry.repository import Repository
from tare.stores.registry.source import BlobOpener
from tare.stores.verified import read_document

_AT_ONCE: Final = 8
"""Requests. HEAD costs a registry next to nothing, and Docker Hub does not count it."""

_official = re.compile(r"(?:.*/)?(?:library|amd64|arm32v[567]|arm64v8|i386|ppc64le|riscv64|s390x|winamd64)/python")
"""The official repository, its mirrors under other names, and those of single architectures."""

T = TypeVar("T")


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """A repository's tags, and where that is known from."""

    repository: str
    """As it is typed."""

    listing: Listing

    origin: str
    """The registry that answered; empty for the catalogue."""

    read: str
    """When, by ISO 8601: the day of the catalogue's rows, or the moment of asking."""

    notes: tuple[str, ...] = ()


def is_official(reference: Reference) -> bool:
    """Tell whether the tags of a repository follow the grammar of the official `python`."""
    return _official.fullmatch(reference.repository) is not None


def recorded(world: World, reference: Reference, wanted: Wanted) -> Explained:
    """Explain the official `python` from the catalogue."""
    table = catalogue()
    if not is_official(reference):
        raise UsageError(
            f"nothing is recorded of `{reference.familiar}`",
            causes=(f"the catalogue has the tags of `{table.official.repository}`",),
            hints=("Ask its registry, without `--recorded`",),
        )
    seen = tags.recorded(table)
    today = _today(world)
    choice = tag_choice.choose(seen.tags, wanted, table, today)
    return Explained(
        repository=reference.familiar,
        listing=tags.explain(seen, choice, table, today),
        origin="",
        read=table.date,
    )


def explained(world: World, reference: Reference, wanted: Wanted) -> Explained:
    """Explain what a registry has under the repository of *reference*."""
    table = catalogue()
    with world.step("list the tags"):
        repository, names = first(
            world,
            reference,
            lambda repository: tuple(tag_lists.tags(repository)),
            doing="list the tags of",
        )
    lookup = Lookup(world, repository)
    if is_official(reference):
        listing = _official_listing(world, lookup, names, wanted, table)
    elif wanted.series is not None or wanted.variant is not None:
        raise UsageError(
            f"the tags of `{reference.familiar}` have no series and variants that tare knows",
            hints=("`--series` and `--variant` are for the official `python`",),
        )
    else:
        listing = _other_listing(lookup, names, wanted)
    read = datetime.fromtimestamp(world.now(), UTC).isoformat(timespec="seconds")
    return Explained(
        repository=reference.familiar,
        listing=listing,
        origin=repository.registry,
        read=read,
        notes=tuple(lookup.notes),
    )


def _official_listing(
    world: World, lookup: Lookup, names: tuple[str, ...], wanted: Wanted, table: Catalogue
) -> Listing:
    today = _today(world)
    choice = tag_choice.choose(names, wanted, table, today) if names else None
    if choice is None or not choice.places:
        return _other_listing(lookup, names, wanted)
    images = lookup.images(choice.names, tag_choice.MAX_LOOKED_UP)
    everything = tuple(dict.fromkeys(images.values()))
    few = wanted.series is None and not wanted.all
    contents = lookup.contents(tags.documents(choice, images) if few else everything)
    return tags.explain(Seen(tags=names, images=images, contents=contents), choice, table, today)


def _other_listing(lookup: Lookup, names: tuple[str, ...], wanted: Wanted) -> Listing:
    chosen = other_tags.choose(names, everything=wanted.all)
    images = lookup.images(chosen, tag_choice.MAX_LOOKED_UP)
    contents = lookup.contents(other_tags.documents(chosen, images, everything=wanted.all))
    if len(chosen) < len(names):
        lookup.notes.append(f"{len(names) - len(chosen)} of {len(names)} tags were not looked up; `--all` does")
    return other_tags.explain_other(Seen(tags=names, images=images, contents=contents), chosen)


class Lookup:
    """Asks one repository what its tags point to."""

    def __init__(self, world: World, repository: Repository) -> None:
        self._world = world
        self._repository = repository
        self._descriptors: dict[Digest, Descriptor] = {}
        self.notes: list[str] = []

    def images(self, names: Iterable[str], limit: int) -> dict[str, str]:
        """Return the digests of tags, several at once. A tag that has gone meanwhile is left out."""
        wanted = list(names)
        if len(wanted) > limit:
            self.notes.append(f"{len(wanted) - limit} of {len(wanted)} tags were not looked up; narrow the question")
        found: dict[str, Descriptor] = {}

        def work(name: str) -> None:
            descriptor = manifests.head(self._repository, name)
            if descriptor is not None:
                found[name] = descriptor

        with self._world.step("look up the tags"):
            parallel.run(work, wanted[:limit], threads=_AT_ONCE, stop=parallel.Stop())
        self._descriptors |= {descriptor.digest: descriptor for descriptor in found.values()}
        return {name: found[name].digest for name in wanted if name in found}

    def contents(self, digests: Iterable[Digest]) -> dict[Digest, Content]:
        """Return what documents say. Where the registry stops to answer, the rest stays unknown, and a note says so."""
        wanted = list(digests)
        found: dict[Digest, Content] = {}

        def work(digest: Digest) -> None:
            found[digest] = self._content(digest)

        with self._world.step("read the indexes"):
            try:
                parallel.run(work, wanted, threads=_AT_ONCE, stop=parallel.Stop())
            except NetworkError as error:
                reason = "; ".join(error.causes) or error.message
                self.notes.append(f"the platforms of {len(wanted) - len(found)} images are not known: {reason}")
        return found

    def document(self, descriptor: Descriptor) -> Manifest | Index:
        """Return a document, from the cache if it was read before: its digest cannot come to mean something else."""
        cache = self._world.cache
        kept = cache.find(descriptor)
        what = f"the manifest {descriptor.digest} of {self._repository.what}"
        if kept is not None:
            raw = read_document(kept.open(), descriptor, what=what)
        else:
            raw = manifests.fetch(self._repository, descriptor)
            with cache.writing() as pending:
                pending.file.write(raw)
                cache.keep(pending, descriptor.digest, found=True)
        return documents.parse(raw, what=what, media_type=descriptor.media_type)

    def _content(self, digest: Digest) -> Content:
        document = self.document(self._descriptors[digest])
        if isinstance(document, Index):
            images = [entry for entry in document.manifests if platforms.is_image(entry)]
            return Content(
                platforms=tuple(entry.platform.normalized() for entry in images if entry.platform),
                manifests=tuple(entry.digest for entry in images),
            )
        what = f"the config of {self._repository.what}"
        opener = BlobOpener((self._repository,), document.config, what)
        config = documents.parse_config(read_document(opener(), document.config, what=what), what=what)
        platform = Platform(
            os=config.os, architecture=config.architecture, variant=config.variant, os_version=config.os_version
        )
        return Content(platforms=(platform.normalized(),), manifests=(digest,))


def first(world: World, reference: Reference, ask: Callable[[Repository], T], *, doing: str) -> tuple[Repository, T]:
    """Return the answer of the first of the registry and its mirrors that gives one, and who that was."""
    return source.first(world.registries.readers(reference, doing=doing), ask)


def with_hint(error: NetworkError, reference: Reference) -> NetworkError:
    """Return *error* with the way out that there is: the list of tags, or what is recorded of the official ones."""
    repository = msgspec.structs.replace(reference, tag=None, digest=None).familiar
    if reference.tag and source.lacks_tag(error):
        hint = f"`tare tags {repository}` lists its tags"
    elif is_official(reference):
        hint = f"`tare tags {repository} --recorded` says what was known on {catalogue().date}"
    else:
        return error
    return NetworkError(error.message, causes=error.causes, hints=tuple(dict.fromkeys((*error.hints, hint)))[-2:])


def _today(world: World) -> date:
    return datetime.fromtimestamp(world.now(), UTC).date()
