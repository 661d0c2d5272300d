"""A base from Debian's packages, step by step: a suite is resolved once, fetched once, and unpacked into a tree.

pin = resolve_base(spec, ...)          what the suite has today; kept, it is never asked again
with assemble(spec, pin, ...) as base:
    base.tree, base.target, ...        files and facts
    write_layer(base.tree, out, ...)   the same packages, the same bytes
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from tare import threads
from tare.bases.debian import RECIPE, generated, tables_digest
from tare.bases.debian.blobs import Blobs, Supply
from tare.bases.debian.closure import Package, Skipped, base_roots, resolve
from tare.bases.debian.rootfs import Unpacked, Unpacker
from tare.bases.debian.snapshot import Log, Snapshot, mirror_urls, open_snapshot, take_snapshot
from tare.bases.debian.sources import Sources
from tare.bases.debian.tables import tables
from tare.bases.debian.tree import Tree
from tare.errors import MachineError, TargetError
from tare.net.fetch import Fetcher
from tare.oci.changeset import LayerWriter
from tare.oci.config import History, ImageConfig, RootFS, RunConfig
from tare.oci.digest import Digest
from tare.oci.layer import WrittenLayer
from tare.oci.platform import Platform
from tare.wheels.target import Libc, Target

_SHELL: Final = "busybox-static"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DOWNLOADS: Final = 4
"""At once. Mirrors serve files of this size as fast as the line is."""
_AT_HAND: Final = 1024 * 1024
"""Bytes. Larger files are written piece by piece."""


class BaseSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which base is wanted."""

    suite: str
    """A codename, such as `trixie`."""

    platform: Platform

    packages: tuple[str, ...] = ()
    """Packages that are needed beside: by libraries of wheels, or by name."""

    debug: bool = False
    """Whether there is a shell (busybox)."""

    slim: str = ""
    """Names what `assemble` is told to leave out besides; equal names leave out the same."""

    @property
    def named(self) -> tuple[str, ...]:
        """All packages that are asked for, sorted."""
        return tuple(sorted({*self.packages, *((_SHELL,) if self.debug else ())}))


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite was resolved to. As JSON it is kept until `--pull`, and can be compared with another day's."""

    snapshot: Snapshot

    named: tuple[str, ...]
    """What was asked for."""

    packages: tuple[Package, ...]
    skipped: tuple[Skipped, ...]


class LayerKey(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides the bytes of a base's layer, beside the coder."""

    suite: str
    architecture: str
    packages: tuple[tuple[str, Digest], ...]
    named: tuple[str, ...]
    slim: str
    recipe: int
    tables: Digest
    mtime: int


class Base:
    """An assembled base."""

    def __init__(self, spec: BaseSpec, pin: Pin, tree: Tree, unpacked: Unpacked) -> None:
        self.spec = spec
        self.pin = pin
        self.tree = tree
        self.unpacked = unpacked

    @property
    def target(self) -> Target:
        """What the interpreter accepts."""
        return target_of(self.spec, self.pin)

    @property
    def interpreter(self) -> str:
        """The interpreter's path in the image."""
        return f"/usr/bin/python{tables().find_suite(self.spec.suite).python}"

    def libraries(self) -> frozenset[str]:
        """Return the names of the shared libraries that the loader finds without being told where."""
        triplet = tables().triplets[self.pin.snapshot.architecture]
        directories = {"usr/lib", f"usr/lib/{triplet}"}
        return frozenset(
            name
            for path, node in self.tree
            for parent, _, name in (path.rpartition("/"),)
            if parent in directories and ".so" in name and node.kind != "directory"
        )


def resolve_base(
    spec: BaseSpec,
    *,
    sources: Callable[[], Sources],
    fetcher: Fetcher,
    blobs: Blobs,
    now: datetime,
    log: Log,
    snapshot: Snapshot | None = None,
) -> Pin:
    """Return the packages that *spec* comes to.

    With a *snapshot* of an earlier day the suite is as it was then, and nobody is asked for what is at hand. *sources*
    is called when somebody is. *now* is an aware time.
    """
    known = tables()
    suite = known.find_suite(spec.suite)
    architecture = known.architecture(spec.platform)
    supply = Supply(sources=sources, fetcher=fetcher, blobs=blobs)
    if snapshot is None or (snapshot.suite, snapshot.architecture) != (suite.codename, architecture):
        snapshot = take_snapshot(suite, architecture, supply, now=now, log=log)
    universe = open_snapshot(snapshot, supply)
    closure = resolve(universe, base_roots(known, suite), named=spec.named, left_out=known.left_out)
    return Pin(snapshot=snapshot, named=spec.named, packages=closure.packages, skipped=closure.skipped)


@contextlib.contextmanager
def assemble(
    spec: BaseSpec,
    pin: Pin,
    *,
    sources: Callable[[], Sources],
    fetcher: Fetcher,
    blobs: Blobs,
    progress: Callable[[int], None] | None = None,
    leave_out: Callable[[Tree], Iterable[str]] = lambda _: (),
) -> Iterator[Base]:
    """Fetch the packages of *pin* and unpack them into a tree, which lasts as long as the block.

    *leave_out* says which files of the tree the base does without, beside those that every base omits.
    *sources* is called when a package is missing. *progress* is told, from several threads, how many bytes came.
    """
    supply = Supply(sources=sources, fetcher=fetcher, blobs=blobs)
    paths = fetch_packages(pin, supply, progress=progress)
    with _scratch(blobs.partial) as scratch:
        tree = Tree(scratch)
        unpacker = Unpacker(tree, tables())
        unpacker.unpack(zip(pin.packages, paths, strict=True))
        generated.make_files(tree, python=tables().find_suite(spec.suite).python, debug=spec.debug)
        unpacker.omit(pin.packages)
        for path in leave_out(tree):
            tree.remove(path)
        tree.prune()
        generated.make_directories(tree, architecture=pin.snapshot.architecture)
        yield Base(spec, pin, tree, unpacker.finish())


def fetch_packages(pin: Pin, supply: Supply, *, progress: Callable[[int], None] | None = None) -> list[Path]:
    """Return the paths of the packages, in their order, fetching what is not there."""

    def fetch(package: Package) -> Path:
        def urls() -> tuple[str, ...]:
            return mirror_urls(pin.snapshot.suite, package.archive, supply.sources, package.filename)

        return supply.get(urls, digest=package.digest, size=package.size, progress=progress)

    with threads.pool(_DOWNLOADS) as pool:
        return list(pool.map(fetch, pin.packages))


def write_layer(tree: Tree, out: BinaryIO, *, mtime: int) -> WrittenLayer:
    """Write *tree* as one layer. Equal trees give equal bytes."""
    writer = LayerWriter(out, mtime=mtime)
    for entry, node in tree.entries():
        if entry.kind == "file" and entry.size > _AT_HAND:
            writer.add_stream(entry.path, mode=entry.mode, size=entry.size, chunks=tree.chunks(node))
        else:
            data = tree.read(node) if entry.kind == "file" else b""
            writer.add(
                entry.path,
                kind=entry.kind,
                mode=entry.mode,
                data=data,
                target=entry.target,
                uid=entry.uid,
                gid=entry.gid,
            )
    return writer.close()


def layer_key(spec: BaseSpec, pin: Pin, *, mtime: int) -> LayerKey:
    """Return what the layer of *pin* can be remembered by."""
    return LayerKey(
        suite=spec.suite,
        architecture=pin.snapshot.architecture,
        packages=tuple((package.name, package.digest) for package in pin.packages),
        named=pin.named,
        slim=spec.slim,
        recipe=RECIPE,
        tables=tables_digest(),
        mtime=mtime,
    )


def image_config(spec: BaseSpec, layer: WrittenLayer, *, created: str | None) -> ImageConfig:
    """Return the configuration of an image that is this base alone."""
    return ImageConfig(
        architecture=spec.platform.architecture,
        variant=spec.platform.variant,
        os=spec.platform.os,
        created=created,
        rootfs=RootFS(type="layers", diff_ids=(layer.diff_id,)),
        config=RunConfig(
            user=f"{generated.USER}:{generated.USER}",
            env=(f"PATH={_PATH}", "LANG=C.UTF-8"),
            cmd=("python3",),
            working_dir="/",
        ),
        history=(History(created=created, created_by=f"tare: deb:{spec.suite}"),),
    )


def target_of(spec: BaseSpec, pin: Pin) -> Target:
    """Return what the interpreter of *pin* accepts, without unpacking it."""
    series = tables().find_suite(spec.suite).python
    python = _version(pin, f"python{series}-minimal", r"\d+\.\d+\.\d+")
    libc = _version(pin, "libc6", r"\d+\.\d+").split(".")
    return Target(
        platform=spec.platform,
        libc=Libc(family="glibc", major=int(libc[0]), minor=int(libc[1])),
        version=python,
    )


def _version(pin: Pin, name: str, expression: str) -> str:
    """Return the upstream part of a package's version."""
    version = next((package.version for package in pin.packages if package.name == name), "none")
    found = re.match(expression, version.rpartition(":")[2])
    if found is None:
        raise TargetError(f"`deb:{pin.snapshot.suite}` has no usable `{name}`", causes=(f"its version is `{version}`",))
    return found[0]


@contextlib.contextmanager
def _scratch(directory: Path) -> Iterator[BinaryIO]:
    """Give a file without a name for the contents of a tree."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=directory, prefix="tree-")  # noqa: SIM115  # closed below, whose errors are not these
    except OSError as error:
        raise MachineError(f"cannot write to `{directory}`", causes=(error.strerror or str(error),)) from error
    with file:
        yield file
