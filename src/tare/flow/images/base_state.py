"""Has the base moved? What an image says that it was built on, against what that name stands for now.

https://github.com/opencontainers/image-spec/blob/main/annotations.md: `org.opencontainers.image.base.name` and
`.digest`, which tare and other builders write.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from tare.errors import NetworkError, TareError, UsageError
from tare.flow.world import World
from tare.oci import manifest as documents
from tare.oci.digest import Digest, is_digest
from tare.oci.image import Image
from tare.oci.manifest import Index
from tare.oci.reference import Reference
from tare.stores import names
from tare.stores.names import ImageName, RegistryName, SuiteName
from tare.stores.open import open_source
from tare.stores.registry import manifests
from tare.stores.registry.repository import Repository

_NAME: Final = "org.opencontainers.image.base.name"
_DIGEST: Final = "org.opencontainers.image.base.digest"

Status = Literal["current", "moved", "unknown"]


class BaseState(msgspec.Struct, frozen=True, kw_only=True):
    """The base of an image, then and now."""

    name: str | None
    """As the image has it."""

    digest: Digest | None
    """What it was built on: an index or an image."""

    status: Status
    reason: str
    now: Digest | None = None
    """What the name stands for now, where that is another one."""

    code: int = 0
    """The exit code of the failure that kept us from knowing."""


def recorded_base(image: Image) -> tuple[str | None, Digest | None]:
    """Return the name and the digest of the base. An engine keeps labels, and forgets annotations."""
    labels = image.config.config.labels or {}
    name = image.manifest.annotations.get(_NAME) or labels.get(_NAME)
    digest = image.manifest.annotations.get(_DIGEST) or labels.get(_DIGEST)
    return name or None, digest if digest and is_digest(digest) else None


def base_name(text: str | None) -> ImageName | None:
    """Return what a base's name means, or None if it is none."""
    try:
        return names.parse(text) if text else None
    except UsageError:
        return None


def judge(world: World, image: Image, named: str | None) -> BaseState | None:
    """Return whether the base of *image* has moved; None for an assembled base, which its packages tell.

    *named* is what a person says that it was built on.
    """
    recorded, digest = recorded_base(image)
    text = named or recorded
    if recorded is not None and recorded != text:
        digest = None  # It is another base's.
    if text is None:
        said = "only says its base's digest" if digest else "does not say what it was built on"
        return BaseState(name=None, digest=digest, status="unknown", reason=f"the image {said} (`--base` names it)")
    name = base_name(text)
    if isinstance(name, SuiteName):
        return None
    try:
        if isinstance(name, RegistryName):
            return _in_registry(world, image, name.reference, text, digest)
        if name is not None and named is not None:
            return _elsewhere(world, image, name, text, digest)
    except NetworkError as error:
        reason = "; ".join(error.causes) or error.message
        return BaseState(name=text, digest=digest, status="unknown", reason=reason, code=error.exit_code)
    # Whoever made the image may have written anything there: it does not choose what is opened on this machine.
    reason = (
        "the image names a place on a machine, which is opened for `--base` alone"
        if name
        else "its name is not the name of an image"
    )
    return BaseState(name=text, digest=digest, status="unknown", reason=reason)


def _in_registry(world: World, image: Image, reference: Reference, text: str, digest: Digest | None) -> BaseState:
    """Ask with HEAD first, which registries do not count: mostly nothing has changed."""
    from tare.flow.images.tags import first
    from tare.stores.registry.source import RegistrySource

    digest = digest or reference.digest
    if reference.digest and not reference.tag:
        reason = "it is named by its digest alone, which never moves"
        return BaseState(name=text, digest=digest, status="unknown", reason=reason)
    by_tag = msgspec.structs.replace(reference, tag=reference.tag_or_latest, digest=None)
    with world.step("look up the base"):
        _, now = first(world, by_tag, lambda repository: _head(repository, by_tag), doing="look up")
        if now == digest:
            return _current(text, digest, "its tag has not moved")
        source = RegistrySource(world.registries, by_tag, doing="look up")
        top = source.resolve()
        what = f"the manifest of {source.what}"
        document = documents.parse(source.document(top, what), what=what, media_type=top.media_type)
        if isinstance(document, Index) and digest in {entry.digest for entry in document.manifests}:
            return _current(text, digest, "its tag still has that image")
        return _by_layers(image, source.read(image.platform), text, digest, top.digest)


def _head(repository: Repository, reference: Reference) -> Digest:
    found = manifests.head(repository, reference.tag_or_latest)
    if found is None:
        raise NetworkError(repository.task, causes=(f"`{repository.registry}` has no `{reference.familiar}`",))
    return found.digest


def _elsewhere(world: World, image: Image, name: ImageName, text: str, digest: Digest | None) -> BaseState:
    try:
        found = open_source(name, world.surroundings).read(image.platform)
    except TareError as error:
        reason = "; ".join((error.message, *error.causes))
        return BaseState(name=text, digest=digest, status="unknown", reason=reason)
    if found.digest == digest:
        return _current(text, digest, "it is the same image")
    return _by_layers(image, found, text, digest, found.digest)


def _by_layers(image: Image, base: Image, text: str, digest: Digest | None, now: Digest) -> BaseState:
    """Compare layers: the same ones may have another manifest, and nothing says how an image without labels began."""
    own = base.config.rootfs.diff_ids
    if own and image.config.rootfs.diff_ids[: len(own)] == own:
        return _current(text, digest, "its layers are the ones that the image begins with")
    reason = "its tag has moved" if digest else "the image does not begin with its layers"
    return BaseState(name=text, digest=digest, status="moved", reason=reason, now=now)


def _current(text: str, digest: Digest | None, reason: str) -> BaseState:
    return BaseState(name=text, digest=digest, status="current", reason=reason)
