"""Which distribution goes into which layer.

Three wishes pull in different directions. A layer of its own for each wheel is shared by every image that has the
wheel; each layer costs a request, and runtimes stop at 127; and lazy pulling ignores layers under 10 MiB. So the large
wheels get a layer each, at paths that do not depend on the project, until the budget is used; the small ones share
one; and the project's code, which changes most often, comes last. Within a kind the order is by name, since an order
by size would move everything when one wheel grows. `docs/layering.md` has the longer story.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tare.errors import TargetError
from tare.plan.overlaps import refuse_clashes
from tare.plan.plan import PlannedFile, PlannedLayer, Segment

BUDGET: Final = 16
"""New layers of an image, all in all."""

MAX_LAYERS: Final = 127
"""Layers that containerd and Docker's overlay driver can stack, the base's included."""

FLOOR: Final = 10 * 1024 * 1024
"""Bytes, compressed, from which a wheel is worth a layer of its own."""


def arrange(
    segments: Sequence[Segment],
    *,
    compressed: dict[str, int],
    skeleton: tuple[PlannedFile, ...],
    base_layers: int,
    budget: int = BUDGET,
) -> tuple[PlannedLayer, ...]:
    """Return the layers of the dependencies.

    *compressed* gives the bytes of each distribution's files as they lie in its wheel. *skeleton* are the files that
    make the directory a virtual environment; they depend on the base, so they never share a layer with a large wheel.
    *budget* is at least 2: one for the small ones, and one for the project, which is not planned here.
    """
    if base_layers > MAX_LAYERS - 2:
        raise TargetError(
            f"the base has {base_layers} layers",
            causes=(f"an image has at most {MAX_LAYERS}, and the project needs 2 of its own",),
            hints=("Choose another one with `--base`",),
        )
    refuse_clashes(segments, skeleton)
    room = max(0, min(budget, MAX_LAYERS - base_layers) - 2)
    by_size = sorted(segments, key=lambda segment: (-compressed[segment.name], segment.name))
    large = {segment.name for segment in by_size[:room] if compressed[segment.name] >= FLOOR}
    own = [
        PlannedLayer(
            kind="wheel",
            why=f"{segment.name} is large, and the same layer in every image that has it",
            segments=(segment,),
        )
        for segment in sorted(segments, key=lambda segment: segment.name)
        if segment.name in large
    ]
    small = tuple(
        sorted((segment for segment in segments if segment.name not in large), key=lambda segment: segment.name)
    )
    shared = PlannedLayer(
        kind="wheels",
        why="distributions too small for a layer each" if small else "the virtual environment itself",
        segments=small,
        files=skeleton,
    )
    return (*own, shared)
