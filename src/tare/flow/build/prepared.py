"""What an image consists of below the project's own code: everything that a changed line does not touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from tare.flow.bases.named import Base
from tare.oci.config import ImageConfig
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.ground import Ground
from tare.oci.layer import WrittenLayer
from tare.oci.platform import Platform
from tare.plan.claims import Claim
from tare.plan.plan import Dropped, PlannedLayer
from tare.projects.resolve import Selection
from tare.wheels.scheme import Scheme
from tare.wheels.target import Target

if TYPE_CHECKING:
    from tare.flow.build.dependencies import Dependencies


class ReadyLayer(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that exists, and what it is for."""

    descriptor: Descriptor
    diff_id: Digest
    unpacked: int
    """Bytes of its regular files."""

    kind: str
    """`base`, `wheel`, `wheels`, `bytecode` or `project`."""

    why: str
    distributions: tuple[str, ...] = ()


class BaseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a person and a document are told of the base."""

    reference: str
    digest: Digest
    python: str
    libc: str
    interpreter: str
    resolved: float
    """When its name was resolved, in seconds since 1970; 0 if it lies on this machine."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Base and dependencies, built."""

    platform: Platform
    base: BaseSummary
    config: ImageConfig
    """The base's."""

    scheme: Scheme
    target: Target
    """What decides which wheels fit, the project's own among them."""

    ground: Ground
    """What the base has where the project's files go."""

    base_layers: tuple[ReadyLayer, ...]
    layers: tuple[ReadyLayer, ...]
    """Those of the dependencies."""

    distributions: tuple[str, ...]
    """Normalized names of what is installed."""

    claims: dict[str, Claim]
    """What the names of installed modules and scripts lead to, by path."""

    dropped: tuple[Dropped, ...] = ()
    """What the image does without, with the base's part, sorted by path."""

    shortened: tuple[Dropped, ...] = ()
    """Files that lost their end, sorted by path."""

    warnings: tuple[str, ...] = ()

    savings: dict[str, int]
    """Bytes of base and distributions that could be left out, by kind. (It has no default: a memo of before lacks it.)"""


def ready(written: WrittenLayer, *, kind: str, why: str, distributions: tuple[str, ...] = ()) -> ReadyLayer:
    """Return a written layer with what it is for."""
    return ReadyLayer(
        descriptor=written.descriptor,
        diff_id=written.diff_id,
        unpacked=written.unpacked,
        kind=kind,
        why=why,
        distributions=distributions,
    )


def prepared_of(planned: Dependencies, layers: tuple[ReadyLayer, ...], selection: Selection) -> Prepared:
    """Return what was *planned* with the *layers* that came of it."""
    from tare.plan.claims import claims
    from tare.plan.savings import savings

    base = planned.base
    return Prepared(
        platform=base.image.platform,
        base=_summary(base),
        config=base.image.config,
        scheme=planned.scheme,
        target=base.facts.target(),
        ground=base.facts.ground,
        base_layers=_base_layers(base),
        layers=layers,
        distributions=tuple(each.name for each in selection.locked),
        claims=claims(segment for layer in planned.layers for segment in layer.segments),
        dropped=tuple(sorted((*base.dropped, *_of(planned.layers, "dropped")), key=lambda each: each.path)),
        shortened=tuple(sorted(_of(planned.layers, "shortened"), key=lambda each: each.path)),
        warnings=(*selection.warnings, *planned.warnings),
        savings=savings(planned.layers, base.idle),
    )


def _of(layers: Sequence[PlannedLayer], what: Literal["dropped", "shortened"]) -> Iterator[Dropped]:
    for layer in layers:
        for segment in layer.segments:
            yield from segment.dropped if what == "dropped" else segment.shortened


def _summary(base: Base) -> BaseSummary:
    facts = base.facts
    return BaseSummary(
        reference=base.name,
        digest=base.image.digest,
        python=facts.python.version if facts.python else "",
        libc=str(facts.libc or ""),
        interpreter=facts.python.executable if facts.python else "",
        resolved=base.resolved,
    )


def _base_layers(base: Base) -> tuple[ReadyLayer, ...]:
    image = base.image
    return tuple(
        ReadyLayer(
            descriptor=descriptor, diff_id=diff_id, unpacked=unpacked, kind="base", why=f"the base `{base.name}`"
        )
        for descriptor, diff_id, unpacked in zip(
            image.manifest.layers, image.config.rootfs.diff_ids, base.facts.unpacked, strict=True
        )
    )
