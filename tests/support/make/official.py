"""A small repository that is made as Docker's official `python` is: series, variants, shared tags, attestations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from make.bases import write_layer
from make.images import raw_layer
from tare.oci import media_types
from tare.oci.config import History, ImageConfig, RootFS, RunConfig
from tare.oci.descriptor import Descriptor
from tare.oci.digest import sha256
from tare.oci.image import Image, ImageIndex, MemoryBlob, make_image, make_index, memory_blob
from tare.oci.manifest import Index, encode
from tare.oci.platform import Platform

LINUX = ("amd64", "arm64")
WINDOWS = {"windowsservercore-ltsc2025": "10.0.26100.4349", "windowsservercore-ltsc2022": "10.0.20348.3807"}
DEFAULTS = {"full": "trixie", "slim": "slim-trixie", "alpine": "alpine3.24"}

Tags = dict[str, ImageIndex]


class Release(NamedTuple):
    """A release of CPython, and the variants that it is built in."""

    version: str
    variants: tuple[str, ...] = ("trixie", "slim-trixie", "bookworm", "slim-bookworm", "alpine3.24", "alpine3.23")
    newest: bool = False

    @property
    def series(self) -> str:
        found = ".".join(self.version.split(".")[:2])
        return found if self.version.replace(".", "").isdigit() else f"{found}-rc"


def image(version: str, variant: str, platform: Platform, *, again: int = 0) -> Image:
    """Return a small image. *again* is how often it was built since its base changed."""
    bottom = raw_layer(
        write_layer({"etc/os-release": f"VARIANT={variant} {platform} {again}\n".encode()}), compressed=False
    )
    top = raw_layer(write_layer({"usr/version": version.encode()}), compressed=False)
    config = ImageConfig(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        os_version=platform.os_version,
        created="2026-11-20T01:02:03Z",
        rootfs=RootFS(type="layers", diff_ids=(bottom[1], top[1])),
        config=RunConfig(env=("PATH=/usr/local/bin:/usr/bin", f"PYTHON_VERSION={version}"), cmd=("python3",)),
        history=(
            History(created="2026-11-18T00:00:00Z", created_by=f"# debian.sh {variant}", comment="debuerreotype 0.17"),
            History(created_by=f"ENV PYTHON_VERSION={version}", comment="buildkit.dockerfile.v0", empty_layer=True),
            History(created_by="RUN /bin/sh -c set -eux; \t\tmake install # buildkit"),
            History(created_by='/bin/sh -c #(nop)  CMD ["python3"]', empty_layer=True),
        ),
    )
    return make_image(config, (bottom[0], top[0]), {})


def attestation(about: Image) -> Image:
    """Return the manifest that BuildKit writes about an image."""
    layers: list[MemoryBlob] = []
    for predicate in ("https://spdx.dev/Document", "https://slsa.dev/provenance/v1"):
        blob = memory_blob(f'{{"about": "{about.digest}"}}'.encode(), "application/vnd.in-toto+json")
        descriptor = msgspec.structs.replace(blob.descriptor, annotations={"in-toto.io/predicate-type": predicate})
        layers.append(msgspec.structs.replace(blob, descriptor=descriptor))
    config = ImageConfig(
        architecture="unknown",
        os="unknown",
        rootfs=RootFS(type="layers", diff_ids=tuple(blob.descriptor.digest for blob in layers)),
    )
    return make_image(config, tuple(layers), {})


def index(version: str, variant: str, *, again: int = 0, attested: bool = False) -> ImageIndex:
    """Return the index of a simple tag."""
    if variant in WINDOWS:
        platforms = [Platform(os="windows", architecture="amd64", os_version=WINDOWS[variant])]
    else:
        platforms = [Platform(os="linux", architecture=name) for name in LINUX]
        platforms.append(Platform(os="linux", architecture="arm", variant="v6" if variant.startswith("a") else "v5"))
    images = tuple(image(version, variant, platform, again=again) for platform in platforms)
    made = make_index(images, {})
    return _attested(made) if attested else made


def _attested(plain: ImageIndex) -> ImageIndex:
    attestations = tuple(map(attestation, plain.images))
    entries = [
        Descriptor(
            media_type=media_types.MANIFEST,
            digest=made.digest,
            size=len(made.raw),
            platform=Platform(os="unknown", architecture="unknown"),
            annotations={
                "vnd.docker.reference.digest": about.digest,
                "vnd.docker.reference.type": "attestation-manifest",
            },
        )
        for made, about in zip(attestations, plain.images, strict=True)
    ]
    whole = Index(schema_version=2, media_type=media_types.INDEX, manifests=(*plain.index.manifests, *entries))
    return ImageIndex(raw=encode(whole), index=whole, images=(*plain.images, *attestations))


def shared(parts: Sequence[ImageIndex]) -> ImageIndex:
    """Return the index of a shared tag."""
    return make_index(tuple(image for part in parts for image in part.images), {})


def repository(*releases: Release, older: Mapping[str, Sequence[str]] | None = None) -> Tags:
    """Return what the repository has. *older* are versions of which only exact tags are left, and their variants."""
    tags: Tags = {}
    for version, variants in (older or {}).items():
        tags |= {f"{version}-{variant}": index(version, variant) for variant in variants}
    for release in releases:
        tags |= _release(release)
    return tags


def _release(release: Release) -> Tags:
    tags: Tags = {}
    versions = [release.version, release.series, *(("3", "latest") if release.newest else ())]
    made = {variant: index(release.version, variant) for variant in release.variants}
    for variant, found in made.items():
        names = [variant]
        names += [kind for kind, usual in DEFAULTS.items() if usual == variant and kind != "full"]
        tags |= {_name(version, name): found for version in versions for name in names}
    windows = [made[name] for name in release.variants if name in WINDOWS]
    if windows:
        tags |= {_name(version, "windowsservercore"): shared(windows) for version in versions}
    if DEFAULTS["full"] in made:
        whole = shared([made[DEFAULTS["full"]], *windows]) if windows else made[DEFAULTS["full"]]
        tags |= dict.fromkeys(versions, whole)
    return tags


def _name(version: str, variant: str) -> str:
    return variant if version == "latest" else f"{version}-{variant}"


def digests(tags: Tags) -> dict[str, str]:
    """Return what each tag points to."""
    return {name: sha256(found.raw) for name, found in tags.items()}


def everything(tags: Tags) -> tuple[dict[str, bytes], dict[str, tuple[str, bytes]]]:
    """Return what a registry holds to serve *tags*: blobs by digest, manifests by digest with their media types."""
    blobs: dict[str, bytes] = {}
    manifests: dict[str, tuple[str, bytes]] = {}
    for found in tags.values():
        manifests[found.digest] = (found.descriptor.media_type, found.raw)
        for each in found.images:
            manifests[each.digest] = (each.descriptor.media_type, each.raw)
            for blob in each.blobs:
                if blob.descriptor.digest not in blobs:
                    with blob.open() as stream:
                        blobs[blob.descriptor.digest] = stream.read()
    return blobs, manifests


BASE = ("trixie", "slim-trixie", "bookworm", "slim-bookworm", "alpine3.24", "alpine3.23")


def usual() -> Tags:
    """Return a repository as it was in the autumn of 2026, in small."""
    return repository(
        Release("3.15.0rc1", (*BASE, *WINDOWS)),
        Release("3.14.7", (*BASE, *WINDOWS), newest=True),
        Release("3.13.15", (*BASE, *WINDOWS)),
        Release("3.12.14"),
        Release("3.10.21"),
        older={"3.13.9": ("bullseye", "slim-bullseye"), "3.13.14": ("slim-trixie",)},
    )
