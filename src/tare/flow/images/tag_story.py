"""One tag of a registry, read and told: as few requests as that takes, and layers only when facts are asked for."""

from __future__ import annotations

from functools import partial

import msgspec

from tare.bases import story as stories
from tare.bases.catalogue.catalogue import Catalogue, catalogue
from tare.bases.facts import BaseFacts
from tare.bases.story import Attestation, Story
from tare.bases.tag_listing import Tag
from tare.bases.tag_names import TagName, join, parse
from tare.errors import NetworkError, TargetError
from tare.flow.images.tags import is_official
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci import manifest as documents
from tare.oci import media_types
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.image import Blob, Image
from tare.oci.manifest import Index, Manifest
from tare.oci.platform import Platform
from tare.oci.reference import Reference
from tare.stores import assemble, platforms
from tare.stores.registry import manifests
from tare.stores.registry.source import RegistrySource


def told(world: World, reference: Reference, platform: Platform | None, *, facts: bool) -> Story:
    """Tell what *reference* is: for *platform*, or for what this machine runs."""
    source = RegistrySource(world.registries, reference, doing="read")
    with world.step("read the tag"):
        top = source.resolve()
        document = _parse(source, top)
        entry, fits = _entry(document, top, platform, source.what)
        image = assemble.read_image(source, entry, platform)
    entries = document.manifests if isinstance(document, Index) else None
    history, agrees = stories.steps(image.config.history or (), image.manifest.layers)
    story = Story(
        reference=reference.familiar,
        origin=source.origin,
        digest=top.digest,
        media_type=top.media_type,
        size=top.size,
        members=None
        if entries is None
        else stories.members(entries, [each for each in entries if platforms.is_image(each)], image.digest),
        machine=(platform or platforms.host()).normalized(),
        fits=fits,
        image=image.digest,
        image_media_type=image.descriptor.media_type,
        platform=image.platform.normalized(),
        config=image.manifest.config,
        settings=image.config,
        layers=image.manifest.layers,
        steps=history,
        agrees=agrees,
        attestation=_attestation(source, entries or (), image.digest),
        annotations=image.manifest.annotations,
        tag=None,
        notes=() if fits else (f"it has no image for this machine ({platforms.host()}), which pulls nothing here",),
    )
    name = parse(reference.tag) if reference.tag and is_official(reference) else None
    if name is not None:
        story = _named(world, reference, story, name)
    return msgspec.structs.replace(story, facts=_facts(world, image, reference) if facts else None)


def _parse(source: RegistrySource, descriptor: Descriptor) -> Manifest | Index:
    what = f"the manifest {descriptor.digest} of {source.what}"
    return documents.parse(source.document(descriptor, what), what=what, media_type=descriptor.media_type)


def _entry(
    document: Manifest | Index, top: Descriptor, platform: Platform | None, what: str
) -> tuple[Descriptor, bool]:
    """Return what is told of an index. A tag without an image for this machine is told for the first that it has."""
    if isinstance(document, Manifest):
        return top, True
    try:
        return platforms.choose(document.manifests, platform, what=what), True
    except TargetError:
        first = next((entry for entry in document.manifests if platforms.is_image(entry)), None)
        if platform is not None or first is None:
            raise
        return first, False


def _attestation(source: RegistrySource, entries: tuple[Descriptor, ...], image: Digest) -> Attestation | None:
    found = stories.attestation_of(entries, image)
    if found is None:
        return None
    document = _parse(source, found)
    return stories.attestation(found.digest, document) if isinstance(document, Manifest) else None


def _named(world: World, reference: Reference, story: Story, name: TagName) -> Story:
    """Say what the tag's name leaves open, and which exact tag is the same image now."""
    same: list[str] = []
    combines: list[str] = []
    notes = list(story.notes)
    version = story.python_version
    try:
        for candidate in _candidates(name, version, catalogue()) if version else ():
            found = _compare(world, reference, candidate, story, parts=name.sharing == "shared")
            same += [candidate] * (found == "same")
            combines += [candidate] * (found == "part")
            if same and name.sharing == "simple":
                break  # A simple tag is one image.
    except NetworkError as error:
        notes.append(f"which exact tag this is now is not known: {'; '.join(error.causes) or error.message}")
    tag = Tag(
        name=name.text,
        sharing=name.sharing,
        digest=story.digest,
        same=tuple(same),
        stands_for=same[0] if same else None,
        moves=name.moves,
        platforms=None,
        combines=tuple(combines) if name.sharing == "shared" else (),
    )
    return msgspec.structs.replace(story, tag=tag, notes=tuple(notes))


def _candidates(name: TagName, version: str, table: Catalogue) -> list[str]:
    """Return the tags that leave nothing open and may be this image, the likeliest first."""
    if name.os:
        return [found for found in (join(version, name.variant),) if found != name.text]
    usual = table.official.variant(name.kind)
    kinds = [row.name for row in table.variant if row.kind == name.kind]
    if name.kind == "full":
        kinds += [row.name for row in table.variant if row.kind == "windows"]
    return [join(version, variant) for variant in sorted(kinds, key=lambda variant: variant != usual)]


def _compare(world: World, reference: Reference, candidate: str, story: Story, *, parts: bool) -> str:
    """Return `same`, `part` for a simple tag whose images a shared one has, or nothing."""
    other = msgspec.structs.replace(reference, tag=candidate, digest=None)
    repository = world.registries.readers(other, doing="read")
    answered = next((each for each in repository if each.registry == story.origin), repository[-1])
    found = manifests.head(answered, candidate)
    if found is None:
        return ""
    if found.digest == story.digest:
        return "same"
    if not parts:
        return ""
    own = {member.digest for member in story.members or () if member.role == "image"}
    if found.media_type not in media_types.INDEXES or found.size > story.size:
        return "part" if found.digest in own else ""
    document = manifests.get(answered, found.digest).parsed
    entries = document.manifests if isinstance(document, Index) else ()
    images = {entry.digest for entry in entries if platforms.is_image(entry)}
    return "part" if images and images <= own else ""


def _facts(world: World, image: Image, reference: Reference) -> BaseFacts:
    """Read the layers. They are kept, so a build on this base does not fetch them again."""
    from tare.flow.bases import named as bases
    from tare.flow.bases.pulled import CachedBlob

    def remote(layer: Blob) -> Blob:
        return layer

    layers = tuple(
        CachedBlob(descriptor=layer.descriptor, remote=partial(remote, layer), world=world) for layer in image.layers
    )
    request = Request(base=reference.familiar, platform=image.platform)
    return bases.facts(world, msgspec.structs.replace(image, layers=layers), request)
