"""One tag, told from its documents: index, platforms, configuration, layers, history. Values and no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from tare.bases.facts import BaseFacts
from tare.bases.tag_listing import Tag
from tare.oci.config import History, ImageConfig
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.manifest import Manifest
from tare.oci.platform import Platform

Role = Literal["image", "attestation", "unknown"]

_TYPE = "vnd.docker.reference.type"
_ABOUT = "vnd.docker.reference.digest"
_PREDICATE = "in-toto.io/predicate-type"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of an index."""

    role: Role
    digest: Digest
    media_type: str
    size: int
    """Bytes of the manifest."""

    platform: Platform | None

    about: Digest | None
    """For an attestation: the image that it is about."""

    chosen: bool
    """Whether it is the one that is told here."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history."""

    created_by: str | None
    created: str | None
    comment: str | None

    layer: Descriptor | None
    """What it made; None for a line that changed the configuration alone."""


class Attestation(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about the image when it was built."""

    digest: Digest
    predicates: tuple[str, ...]
    """The kinds of statement, as URIs: a bill of materials, where it comes from."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All of one tag."""

    reference: str
    origin: str
    """The registry that answered."""

    digest: Digest
    """Of the index, or of the image where there is none."""

    media_type: str
    size: int

    members: tuple[Member, ...] | None
    """None where the tag names one image directly."""

    machine: Platform
    """What this machine runs, or what was asked for."""

    fits: bool
    """Whether the image that is told is for that; a tag of another system is told for the first that it has."""

    image: Digest
    """Of the image that is told."""

    image_media_type: str
    platform: Platform
    config: Descriptor
    settings: ImageConfig
    layers: tuple[Descriptor, ...]
    steps: tuple[Step, ...]
    agrees: bool
    """Whether the history has a line for each layer; if not, none is matched to one."""

    attestation: Attestation | None
    annotations: dict[str, str]
    tag: Tag | None
    """What the name says, for the official `python`."""

    notes: tuple[str, ...] = ()
    facts: BaseFacts | None = None
    """What the layers say, when they were read."""

    @property
    def pull(self) -> int:
        """Compressed bytes of the layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def python_version(self) -> str | None:
        """What the official image's configuration says of its interpreter."""
        return self.settings.config.environment().get("PYTHON_VERSION")


def members(entries: Sequence[Descriptor], images: Sequence[Descriptor], chosen: Digest) -> tuple[Member, ...]:
    """Return the entries of an index. *images* are those of them that can be run."""
    runnable = {entry.digest for entry in images}
    return tuple(
        Member(
            role=_role(entry, runnable),
            digest=entry.digest,
            media_type=entry.media_type,
            size=entry.size,
            platform=entry.platform,
            about=entry.annotations.get(_ABOUT),
            chosen=entry.digest == chosen,
        )
        for entry in entries
    )


def _role(entry: Descriptor, runnable: set[Digest]) -> Role:
    if entry.digest in runnable:
        return "image"
    return "attestation" if entry.annotations.get(_TYPE) == "attestation-manifest" else "unknown"


def attestation_of(entries: Sequence[Descriptor], image: Digest) -> Descriptor | None:
    """Return the entry of an index that attests *image*."""
    about = (entry for entry in entries if entry.annotations.get(_ABOUT) == image)
    return next((entry for entry in about if entry.annotations.get(_TYPE) == "attestation-manifest"), None)


def attestation(digest: Digest, manifest: Manifest) -> Attestation:
    """Return what an attestation's manifest says that it holds."""
    predicates = (layer.annotations.get(_PREDICATE) for layer in manifest.layers)
    return Attestation(digest=digest, predicates=tuple(text for text in predicates if text))


def steps(history: Sequence[History], layers: Sequence[Descriptor]) -> tuple[tuple[Step, ...], bool]:
    """Match the lines of a history to layers. Without a line for each layer none is matched, and the second is False."""
    agrees = sum(not line.empty_layer for line in history) == len(layers)
    left = iter(layers)
    found = tuple(
        Step(
            created_by=line.created_by,
            created=line.created,
            comment=line.comment,
            layer=next(left) if agrees and not line.empty_layer else None,
        )
        for line in history
    )
    return found, agrees
