"""What two images, or directories, have in common and what not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from tare.measure.collapse import collapse
from tare.measure.configs import config_changes
from tare.measure.contents import Contents
from tare.measure.difference import (
    Difference,
    FileChange,
    KindChange,
    LayerChange,
    PackageChange,
    Side,
    TreeChange,
)
from tare.measure.entries import changes, entries
from tare.measure.history import instructions
from tare.measure.packages.owners import Owners, owners
from tare.measure.packages.package import Package
from tare.measure.places import kinds_of
from tare.measure.weigh import weigh_sizes
from tare.oci.image import Image


class Weighing:
    """One side, with what is known of its files."""

    def __init__(self, reference: str, image: Image | None, contents: Contents, *, repacked: bool = False) -> None:
        self.reference = reference
        self.image = image
        self.contents = contents
        self.repacked = repacked
        self.owners: Owners = owners(contents)
        self.kinds = kinds_of(item.path for item in contents.live)

    @property
    def side(self) -> Side:
        """Return what the difference says of it."""
        image = self.image
        return Side(
            reference=self.reference,
            digest=None if image is None else image.digest,
            platform=None if image is None else str(image.platform),
            sizes=weigh_sizes(self.contents, image, repacked=self.repacked),
        )


def diff(before: Weighing, after: Weighing, *, semantic: bool) -> Difference:
    """Return the difference. With *semantic* times and order are passed over."""
    files = tuple(_files(before, after, semantic=semantic))
    both = before.image is not None and after.image is not None
    return Difference(
        before=before.side,
        after=after.side,
        semantic=semantic,
        layers=tuple(_layers(before, after)) if both else (),
        files=files,
        trees=_trees(files, before, after),
        distributions=_distributions(before, after),
        kinds=_kinds(before, after),
        config=config_changes(before.image, after.image, semantic=semantic)
        if before.image is not None and after.image is not None
        else (),
    )


def _layers(before: Weighing, after: Weighing) -> Iterator[LayerChange]:
    """Yield the layers of *before*, and those that only *after* has. What is the same is so by its diff ID."""
    old, new = [*_of(before)], [*_of(after)]
    names = {layer.diff_id or layer.digest for layer in new}
    for layer in old:
        shared = (layer.diff_id or layer.digest) in names
        yield LayerChange(
            how="shared" if shared else "removed",
            digest=layer.digest,
            diff_id=layer.diff_id,
            size=layer.size,
            instruction=layer.instruction,
        )
    known = {layer.diff_id or layer.digest for layer in old}
    yield from (layer for layer in new if (layer.diff_id or layer.digest) not in known)


def _of(side: Weighing) -> Iterator[LayerChange]:
    image = side.image
    if image is None:
        return
    diff_ids = image.config.rootfs.diff_ids
    told = instructions(image.config, len(image.layers))
    for number, blob in enumerate(image.layers):
        yield LayerChange(
            how="added",
            digest=blob.descriptor.digest,
            diff_id=diff_ids[number] if number < len(diff_ids) else None,
            size=blob.descriptor.size,
            instruction=told[number],
        )


def _files(before: Weighing, after: Weighing, *, semantic: bool) -> Iterator[FileChange]:
    old, new = entries(before.contents), entries(after.contents)
    for path in sorted(old.keys() | new.keys()):
        one, other = old.get(path), new.get(path)
        side = before if other is None else after
        what: tuple[str, ...] = ()
        if one is not None and other is not None:
            what = changes(one, other, semantic=semantic)
            if not what:
                continue
        owner = side.owners.by_path.get(path)
        yield FileChange(
            path=f"/{path}",
            how="changed" if what else "removed" if other is None else "added",
            what=what,
            before=None if one is None else one.size,
            after=None if other is None else other.size,
            kind=side.kinds.get(path, (one or other).type if (one or other) else ""),  # type: ignore[union-attr]  # one of both is there
            distribution="" if owner is None else f"{owner.name} {owner.version}".rstrip(),
        )


def _trees(files: tuple[FileChange, ...], before: Weighing, after: Weighing) -> tuple[TreeChange, ...]:
    """Return what came and went; a directory that is on both sides did neither."""
    there = {
        path for side in (before, after) for path, entry in entries(side.contents).items() if entry.type != "directory"
    }
    found = []
    hows: tuple[Literal["added", "removed"], ...] = ("added", "removed")
    for how in hows:
        mine = {each.path[1:]: each.after or each.before or 0 for each in files if each.how == how}
        chosen = {path: size for path, size in mine.items() if path in there}
        found += [TreeChange(how=how, path=path, bytes=size) for path, size in collapse(chosen, there)]
    return tuple(sorted(found, key=lambda each: (-each.bytes, each.path, each.how)))


def _distributions(before: Weighing, after: Weighing) -> tuple[PackageChange, ...]:
    old, new = _by_name(before), _by_name(after)
    found = []
    for key in old.keys() | new.keys():
        one, other = old.get(key, {}), new.get(key, {})
        if one != other:
            found.append(
                PackageChange(
                    name=key[1],
                    ecosystem=key[0],
                    before=_versions(one),
                    after=_versions(other),
                    before_bytes=sum(one.values()),
                    after_bytes=sum(other.values()),
                )
            )
    return tuple(
        sorted(found, key=lambda each: (-abs(each.after_bytes - each.before_bytes), each.ecosystem, each.name))
    )


def _by_name(side: Weighing) -> Mapping[tuple[str, str], dict[str, int]]:
    """Return the bytes of each version of each package, since there may be two of a name."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    sizes: dict[Package, tuple[int, int]] = side.owners.sizes(side.contents)
    for package, (size, _) in sizes.items():
        found[package.ecosystem, package.name][package.version] = size
    return found


def _versions(found: Iterable[str]) -> str | None:
    return ", ".join(sorted(found)) if found else None


def _kinds(before: Weighing, after: Weighing) -> tuple[KindChange, ...]:
    old, new = _sizes(before), _sizes(after)
    found = [
        KindChange(kind=kind, before=old.get(kind, 0), after=new.get(kind, 0))
        for kind in old.keys() | new.keys()
        if old.get(kind, 0) != new.get(kind, 0)
    ]
    return tuple(sorted(found, key=lambda each: (-abs(each.after - each.before), each.kind)))


def _sizes(side: Weighing) -> dict[str, int]:
    sizes: dict[str, int] = defaultdict(int)
    for item in side.contents.live:
        sizes[side.kinds[item.path]] += item.size
    return sizes
