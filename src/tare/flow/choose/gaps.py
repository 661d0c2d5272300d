"""What a base lacks of the libraries that wheels need, as far as these were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tare.flow.bases import named as bases
from tare.flow.bases.standing import Standing
from tare.flow.build.dependencies import places_of
from tare.flow.request import Request
from tare.flow.world import World
from tare.plan.plan import Segment
from tare.stores.names import SuiteName, parse
from tare.wheels.heads import COMPILERS_OWN, Heads
from tare.wheels.lacking import Missing
from tare.wheels.linking import missing


def supplied(
    world: World, request: Request, standing: Standing, heads: Sequence[Heads], segments: Sequence[Segment]
) -> tuple[Standing, tuple[Missing, ...]]:
    """Return the base, of which an assembled one gets the packages that it lacks, and what the loader will not find."""
    if standing.libraries is None or not heads:
        return standing, ()
    places = places_of(segments)
    known = {each.needs.wheel: each for each in heads}

    def gaps(standing: Standing) -> tuple[Missing, ...]:
        assert standing.libraries is not None  # noqa: S101  # it was read from an image
        found = missing(
            [each.needs for each in heads],
            standing.libraries,
            installed_paths=places,
            allowed=request.allow_missing,
        )
        return tuple(gap for gap in found if is_certain(gap, known))

    found = gaps(standing)
    name = parse(request.base)
    wanted = {gap.library for gap in found if gap.kind == "library"}
    if any(each.unread for each in heads):
        wanted |= COMPILERS_OWN - set(standing.libraries.names)
    if isinstance(name, SuiteName) and wanted:
        from tare.flow.bases import debian

        packages = debian.packages_of(world, request, wanted, name.suite)
        if packages:
            base = bases.resolve(world, request, packages=packages)
            standing = msgspec.structs.replace(
                standing,
                libraries=base.facts.provided(),
                ground=base.facts.ground,
                digest=base.image.digest,
                pull=sum(layer.size for layer in base.image.manifest.layers),
                unpacked=sum(base.facts.unpacked),
            )
            found = gaps(standing)
    return standing, found


def is_certain(gap: Missing, known: Mapping[str, Heads]) -> bool:
    """Whether something is surely missing, as far as the wheel was read.

    What leads from a module to a library that was not read is unknown. So of such a wheel only modules themselves count,
    and the compiler's own libraries, which no wheel needs by accident.
    """
    heads = known[gap.wheel]
    if heads.complete:
        return gap.severity == "error"
    if gap.library in COMPILERS_OWN:
        return True
    roots = {file.path for file in heads.needs.files if file.info.module}
    return gap.severity == "error" and (gap.via or gap.path) in roots
