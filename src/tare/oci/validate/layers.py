"""Layers, read in one pass each: stored bytes, uncompressed bytes, members, and what they do to the tree."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

import msgspec

from tare.oci import media_types
from tare.oci.digest import Digest
from tare.oci.validate.archive import Archive, Member
from tare.oci.validate.changes import Changes
from tare.oci.validate.compressed import Undecodable
from tare.oci.validate.content import Stored, open_content
from tare.oci.validate.descriptors import Stated
from tare.oci.validate.findings import Fatal, Report
from tare.oci.validate.limits import Limits
from tare.oci.validate.manifest import is_foreign
from tare.oci.validate.source import BlobSource
from tare.oci.validate.unpacked import BUFFER, Budget, Unpacked

_PIECE: Final = 1024 * 1024

Sink = Callable[[Member], bool]
"""Takes a member; False if it wants no more."""


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer that is to be read."""

    number: int
    stated: Stated
    diff_id: Digest | None

    report: Report
    """Where its findings go: what its bytes say, and what its members do."""

    changes: Report


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one layer."""

    unpacked: int = 0
    """Its uncompressed bytes."""

    whole: bool = False
    """Whether all its members are known."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """How layers are read."""

    source: BlobSource
    limits: Limits
    budget: Budget
    workers: int


def make(number: int, stated: Stated, diff_id: Digest | None, report: Report) -> Layer:
    """Return the layer of the number *number*."""
    scope = f"layer[{number}] {stated.digest}"
    return Layer(number=number, stated=stated, diff_id=diff_id, report=report.part(scope), changes=report.part(scope))


def check(layers: list[Layer], changes: Changes, how: Read) -> int:
    """Read *layers* and apply them in order; return the number of bytes that they have uncompressed."""
    if how.workers > 1 and len(layers) > 1:
        from tare.oci.validate import turns

        return turns.check(layers, changes, how)
    unpacked = 0
    for layer in layers:
        changes.begin(layer.number, layer.changes)
        outcome = read(layer, changes.apply, how)
        changes.end(whole=outcome.whole)
        unpacked += outcome.unpacked
    return unpacked


def read(layer: Layer, sink: Sink, how: Read) -> Outcome:
    """Read one layer, and give its members to *sink*."""
    try:
        stream = open_content(how.source, layer.stated)
    except Fatal as fault:
        if fault.code == "D008" and is_foreign(layer.stated.media_type):
            layer.report.add("D013", layer.report.scope, "a layer that is not distributed is not here, and not checked")
        else:
            layer.report.add(fault.code, layer.report.scope, fault.message)
        return Outcome()
    with stream:
        stored = Stored(stream, layer.stated)
        unpacked = Unpacked(
            stored,
            media_types.COMPRESSION[layer.stated.media_type],
            report=layer.report,
            limits=how.limits,
            budget=how.budget,
            diff_id=layer.diff_id,
        )
        whole = _read(layer, unpacked, sink, how.limits)
        _check_stored(layer, stored)
    return Outcome(unpacked=unpacked.size, whole=whole)


def _read(layer: Layer, unpacked: Unpacked, sink: Sink, limits: Limits) -> bool:
    """Read the archive, and then what is left of the bytes, for their digest. Tell whether the archive was whole."""
    whole = False
    report = layer.report
    with io.BufferedReader(unpacked, BUFFER) as stream:
        archive = Archive(stream, report, limits)
        try:
            try:
                for member in archive:
                    if not sink(member):
                        break
                else:
                    whole = True
            except Undecodable:
                raise
            except Fatal as fault:
                if fault.code.startswith("D"):
                    raise
                report.add(fault.code, report.scope, f"{fault.message}, {archive.place()}")
            while stream.read(_PIECE):
                pass
        except Fatal as fault:
            report.add(fault.code, report.scope, fault.message)
        if unpacked.complete and layer.diff_id is not None and unpacked.diff_id != layer.diff_id:
            report.add("L001", report.scope, f"expected the diff ID {layer.diff_id}, found {unpacked.diff_id}")
    return whole


def _check_stored(layer: Layer, stored: Stored) -> None:
    """Read what is left of the stored bytes, and hold all of them against the descriptor."""
    if stored.broken:
        return  # That was told.
    try:
        for _ in stored.pieces():
            pass
        stored.check()
    except Fatal as fault:
        layer.report.add(fault.code, layer.report.scope, fault.message)
