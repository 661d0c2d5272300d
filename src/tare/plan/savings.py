"""What of a plan nothing that runs would read, as far as paths tell: one line at the end of a build."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from tare.plan.plan import Dropped, PlannedLayer
from tare.plan.slim import Evidence, decide
from tare.wheels.kinds import kinds

_OF_SYSTEM: Final = {
    "TS201": "standard library",
    "TS202": "character conversion",
    "TS203": "documentation",
    "TS204": "package cache",
}
"""What the rules take that are about paths of the system."""


def savings(layers: Iterable[PlannedLayer], base: Mapping[str, int]) -> dict[str, int]:
    """Return the uncompressed bytes that *safe* rules would take of the wheels of *layers*, by kind, the largest first.

    What they would take of the *base* is counted with it. What wheels import of each other's tests is not looked for
    here, and would stay.
    """
    sizes = {file.path: file.size for layer in layers for segment in layer.segments for file in segment.files}
    found: dict[str, int] = defaultdict(int, base)
    known = kinds(sizes)
    for path in decide(sizes, "safe", Evidence()):
        if sizes[path]:
            found[known[path]] += sizes[path]
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def of_system(dropped: Iterable[Dropped]) -> dict[str, int]:
    """Return the bytes of what rules would take of a base, by kind."""
    found: dict[str, int] = defaultdict(int)
    for each in dropped:
        found[_OF_SYSTEM[each.code]] += each.size
    return dict(found)
