"""Contents become accounts: by layer, distribution, kind and directory, and as findings."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from tare.measure.contents import Contents
from tare.measure.history import instructions
from tare.measure.packages.owners import Owners, owners
from tare.measure.places import kinds_of
from tare.measure.waste import Waste
from tare.measure.weighed import Part, Sizes, Weighed, WeighedLayer, WeighedPackage
from tare.oci.image import Image

_DIRECTORIES: Final = 25
_LARGEST: Final = 25
_site = re.compile(r"(?:^|/)(?:site|dist)-packages/").search


def weigh_image(contents: Contents, image: Image, *, repacked: bool = False) -> Weighed:
    """Return the accounts of *image*, whose contents were read.

    *repacked* says that the layers lie here otherwise than a registry would send them.
    """
    sizes = weigh_sizes(contents, image, repacked=repacked)
    return _weigh(
        contents,
        layers=_layers(contents, image, sizes=sizes.pull is not None),
        sizes=sizes,
        environment=image.config.config.environment(),
        digest=image.digest,
        platform=str(image.platform),
    )


def weigh_sizes(contents: Contents, image: Image | None, *, repacked: bool = False) -> Sizes:
    """Return the sizes alone; of a directory, where *image* is None, nothing is pulled."""
    plain = any(not layer.compressed for layer in contents.layers)
    known = image is not None and not (repacked and plain)
    pull = sum(blob.descriptor.size for blob in image.layers) if image is not None and known else None
    rootfs, unpacked = contents.rootfs, contents.unpacked
    return Sizes(
        pull=pull,
        unpacked=unpacked,
        rootfs=rootfs,
        waste=unpacked - rootfs,
        store=None if pull is None else pull + unpacked,
    )


def weigh_directory(contents: Contents) -> Weighed:
    """Return the accounts of a directory."""
    return _weigh(contents, layers=(), sizes=weigh_sizes(contents, None), environment={}, digest=None, platform=None)


def _weigh(
    contents: Contents,
    *,
    layers: tuple[WeighedLayer, ...],
    sizes: Sizes,
    environment: dict[str, str],
    digest: str | None,
    platform: str | None,
) -> Weighed:
    whose = owners(contents)
    kinds = kinds_of(item.path for item in contents.live)
    distributions = _distributions(contents, whose)
    return Weighed(
        digest=digest,
        platform=platform,
        sizes=sizes,
        layers=layers,
        distributions=distributions,
        unattributed=sizes.rootfs - sum(each.unpacked for each in distributions),
        site_packages=_site_packages(contents, whose),
        kinds=_kinds(contents, kinds),
        directories=directories(contents, _DIRECTORIES),
        largest=_largest(contents),
        findings=Waste(contents, whose, kinds, environment).findings(),
        notes=_notes(sizes.pull, whose, digest),
    )


def _layers(contents: Contents, image: Image, *, sizes: bool) -> tuple[WeighedLayer, ...]:
    seen: dict[int, int] = defaultdict(int)
    for item in contents.live:
        seen[item.file.layer] += item.size
    told = instructions(image.config, len(contents.layers))
    diff_ids = image.config.rootfs.diff_ids
    return tuple(
        WeighedLayer(
            number=number,
            digest=blob.descriptor.digest,
            diff_id=diff_ids[number] if number < len(diff_ids) else None,
            size=blob.descriptor.size if sizes else None,
            unpacked=read.unpacked,
            rootfs=seen[number],
            files=read.entries,
            instruction=told[number],
        )
        for number, (blob, read) in enumerate(zip(image.layers, contents.layers, strict=True))
    )


def _distributions(contents: Contents, whose: Owners) -> tuple[WeighedPackage, ...]:
    found = (
        WeighedPackage(
            name=package.name, version=package.version, ecosystem=package.ecosystem, unpacked=size, files=count
        )
        for package, (size, count) in whose.sizes(contents).items()
    )
    return tuple(sorted(found, key=lambda each: (-each.unpacked, each.ecosystem, each.name, each.version)))


def _site_packages(contents: Contents, whose: Owners) -> tuple[int, int]:
    inside = [item for item in contents.live if _site(item.path)]
    return sum(item.size for item in inside), sum(item.size for item in inside if item.path not in whose.by_path)


def _kinds(contents: Contents, kinds: dict[str, str]) -> tuple[Part, ...]:
    sizes: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    for item in contents.live:
        sizes[kinds[item.path]] += item.size
        counts[kinds[item.path]] += 1
    ordered = sorted(sizes, key=lambda kind: (-sizes[kind], kind))
    return tuple(Part(name=kind, bytes=sizes[kind], files=counts[kind]) for kind in ordered)


def directories(contents: Contents, limit: int) -> tuple[Part, ...]:
    """Return the directories that tell the most: the largest, without those of which nearly all is in one below."""
    sizes: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    below: dict[str, int] = defaultdict(int)
    for item in contents.live:
        here = item.path.rpartition("/")[0]
        while here:
            sizes[here] += item.size
            counts[here] += 1
            here = here.rpartition("/")[0]
    for path, size in sizes.items():
        parent = path.rpartition("/")[0]
        below[parent] = max(below[parent], size)
    telling = (path for path in sizes if sizes[path] and below[path] < 0.9 * sizes[path])
    ordered = sorted(telling, key=lambda path: (-sizes[path], path))[:limit]
    return tuple(Part(name=f"/{path}/", bytes=sizes[path], files=counts[path]) for path in ordered)


def _largest(contents: Contents) -> tuple[Part, ...]:
    ordered = sorted((item for item in contents.live if item.size), key=lambda item: (-item.size, item.path))
    return tuple(Part(name=f"/{item.path}", bytes=item.size, files=1) for item in ordered[:_LARGEST])


def _notes(pull: int | None, whose: Owners, digest: str | None) -> tuple[str, ...]:
    notes = list(whose.unknown)
    if pull is None and digest is not None:
        notes.append("what is pulled is not known: the layers lie here without compression")
    if not whose.installations:
        notes.append("no interpreter was found, so that bytecode is not judged")
    return tuple(notes)
