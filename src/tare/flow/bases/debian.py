"""Assembled bases: a suite's packages pinned, and the layer of them written, each once."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from tare.bases.debian import apt, contents, sources
from tare.bases.debian.assemble import (
    BaseSpec,
    Pin,
    assemble,
    image_config,
    layer_key,
    resolve_base,
    write_layer,
)
from tare.bases.debian.blobs import Supply
from tare.bases.debian.snapshot import Snapshot
from tare.bases.debian.sources import Sources
from tare.bases.debian.tables import tables
from tare.bases.debian.tree import Tree
from tare.errors import IntegrityError, NetworkError
from tare.flow.bases.assembled import Assembled, named_sources
from tare.flow.bases.omitted import slim_of, slim_tree
from tare.flow.request import Request
from tare.flow.world import World
from tare.oci.digest import Digest
from tare.oci.image import FileBlob, make_image
from tare.oci.layer import WrittenLayer
from tare.plan.plan import Dropped
from tare.plan.savings import of_system
from tare.stores.cache import key_of


class _SuiteKey(msgspec.Struct, frozen=True, kw_only=True):
    suite: str
    platform: str
    sources: tuple[str, ...]


class _PinKey(msgspec.Struct, frozen=True, kw_only=True):
    snapshot: Snapshot
    named: tuple[str, ...]


class _Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """What a suite was when it was looked up."""

    snapshot: Snapshot
    at: float
    """Seconds since 1970."""


def resolve(world: World, request: Request, suite: str, packages: tuple[str, ...]) -> Assembled:
    """Return the image of the suite's packages, written into the cache."""
    spec = BaseSpec(
        suite=suite,
        platform=request.platform,
        packages=tuple(sorted({*request.system_packages, *packages})),
        debug=request.debug,
        slim=slim_of(request),
    )
    pin, resolved = _pin(world, spec, pull=request.pull)
    written = _layer(world, request, spec, pin)
    layer = written.layer
    blob = FileBlob(descriptor=layer.descriptor, path=world.cache.path(layer.descriptor.digest))
    created = datetime.fromtimestamp(world.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    image = make_image(image_config(spec, layer, created=created), (blob,), {})
    return Assembled(
        manifest=image.raw,
        config=image.raw_config,
        layer=layer.descriptor,
        resolved=resolved,
        dropped=written.dropped,
        idle=written.idle,
    )


def _pin(world: World, spec: BaseSpec, *, pull: bool) -> tuple[Pin, float]:
    """Return the packages of *spec*: the suite as it was when it was looked up, which is once until `--pull`."""
    suite = key_of(_SuiteKey(suite=spec.suite, platform=str(spec.platform), sources=named_sources(world)))
    resolved = world.cache.recall("suites", suite, _Resolved)
    if resolved is not None and pull and resolved.at < world.started:
        resolved = None
    if resolved is not None:
        known = world.cache.recall("pins", _pin_key(resolved.snapshot, spec), Pin)
        if known is not None:
            return known, resolved.at
    with world.step("resolve the suite"):
        pin = resolve_base(
            spec,
            sources=lambda: package_sources(world),
            fetcher=world.fetcher,
            blobs=world.cache,
            now=datetime.fromtimestamp(world.now(), UTC),
            log=world.reporter.warn,
            snapshot=resolved.snapshot if resolved is not None else None,
        )
    resolved = resolved or _Resolved(snapshot=pin.snapshot, at=world.now())
    world.cache.remember("pins", _pin_key(pin.snapshot, spec), msgspec.json.encode(pin))
    world.cache.remember("suites", suite, msgspec.json.encode(resolved))
    return pin, resolved.at


def _pin_key(snapshot: Snapshot, spec: BaseSpec) -> Digest:
    return key_of(_PinKey(snapshot=snapshot, named=spec.named))


class _BaseLayer(msgspec.Struct, frozen=True, kw_only=True):
    """The layer of an assembled base, and what it does without."""

    layer: WrittenLayer
    dropped: tuple[Dropped, ...]
    idle: dict[str, int]


def _layer(world: World, request: Request, spec: BaseSpec, pin: Pin) -> _BaseLayer:
    key = key_of(layer_key(spec, pin, mtime=world.epoch))
    known = world.cache.recall("base-layers", key, _BaseLayer)
    if known is not None and world.cache.find(known.layer.descriptor) is not None:
        return known
    dropped: tuple[Dropped, ...] = ()
    idle: dict[str, int] = {}

    def leave_out(tree: Tree) -> list[str]:
        nonlocal dropped, idle
        found = tuple(slim_tree(tree, request.slim or "safe", request.spared))
        if request.slim is None:
            idle = of_system(found)
            return []
        dropped = found
        return [each.path for each in dropped]

    with world.step("assemble the base"), world.cache.writing() as pending:
        with assemble(
            spec,
            pin,
            sources=lambda: package_sources(world),
            fetcher=world.fetcher,
            blobs=world.cache,
            progress=world.reporter.advance,
            leave_out=leave_out,
        ) as base:
            layer = write_layer(base.tree, pending.file, mtime=world.epoch)
            for warning in base.unpacked.warnings:
                world.reporter.warn(warning)
        world.cache.keep(pending, layer.descriptor.digest)
    made = _BaseLayer(layer=layer, dropped=dropped, idle=idle)
    world.cache.remember("base-layers", key, msgspec.json.encode(made))
    return made


def package_sources(world: World) -> Sources:
    """Return where packages come from: what the environment names, or the machine's own apt configuration."""
    mirror = world.environment.get("TARE_DEBIAN_MIRROR")
    if mirror is None:
        return apt.from_machine(world.root)
    from pathlib import Path

    keyring = world.environment.get("TARE_DEBIAN_KEYRING")
    return sources.from_options(
        mirror=mirror,
        security_mirror=world.environment.get("TARE_DEBIAN_SECURITY_MIRROR"),
        keyrings=(Path(keyring),) if keyring else (),
        root=world.root,
    )


def packages_of(world: World, request: Request, sonames: set[str], suite: str) -> tuple[str, ...]:
    """Return the packages that have the libraries *sonames*."""
    return tuple(sorted(set(providers(world, request, sonames, suite).values())))


def providers(world: World, request: Request, sonames: set[str], suite: str) -> dict[str, str]:
    """Return the package of each of the libraries *sonames*, by the table or by the suite's index of all files."""
    spec = BaseSpec(suite=suite, platform=request.platform, packages=request.system_packages, debug=request.debug)
    pin, _ = _pin(world, spec, pull=request.pull)
    supply = Supply(sources=lambda: package_sources(world), fetcher=world.fetcher, blobs=world.cache)
    with world.step("look for shared libraries"):
        try:
            found = contents.packages_of(sonames, pin.snapshot, supply)
        except (NetworkError, IntegrityError) as error:
            # The index of all files is only asked for what the table does not know; what is then missing is an error
            # of its own, which says more than this one.
            world.reporter.warn(f"the packages of rare shared libraries cannot be looked up: {error.message}")
            return {soname: name for soname in sonames if (name := tables().package_of(soname, suite))}
    return {soname: provider.package for soname, provider in found.items()}
