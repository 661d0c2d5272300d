"""What an image consists of below the project's own code: everything that a changed line does not touch."""

from __future__ import annotations

import msgspec

from tare.oci.config import ImageConfig
from tare.oci.descriptor import Descriptor
from tare.oci.digest import Digest
from tare.oci.ground import Ground
from tare.oci.layer import WrittenLayer
from tare.oci.platform import Platform
from tare.plan.claims import Claim
from tare.plan.plan import Dropped
from tare.wheels.scheme import Scheme
from tare.wheels.target import Target


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
