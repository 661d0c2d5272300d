"""What of a plan nothing that runs would read: one line at the end of a build, by the kinds of its wheels' files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tare.plan.plan import PlannedLayer
from tare.wheels.kinds import Kind, kinds

IDLE: Final[tuple[Kind, ...]] = ("test", "source", "header", "static library", "documentation")
"""Kinds of which `measure/findings.toml` says that to leave them out is safe."""


def savings(layers: Iterable[PlannedLayer]) -> dict[str, int]:
    """Return the uncompressed bytes that could be left out of the wheels of *layers*, by kind, the largest first."""
    sizes = {file.path: file.size for layer in layers for segment in layer.segments for file in segment.files}
    found: dict[str, int] = defaultdict(int)
    for path, kind in kinds(sizes).items():
        if kind in IDLE and sizes[path]:
            found[kind] += sizes[path]
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))
