"""Distributions that bring the same path: an image can have it only once.

Namespace packages that share an empty `__init__.py` are common and harmless. Different contents are a mistake of their
authors that installers settle by the order of installation; here the first by name keeps the path, and the plan says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tare.errors import HostileInputError, ProjectError
from tare.plan.plan import PlannedFile, Segment, parents
from tare.wheels.scheme import InstalledFile, Shortened


def settle(segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Return *segments*, sorted by name, in which no path is twice, and what the person should know."""
    owners: dict[str, tuple[Segment, InstalledFile]] = {}
    settled = []
    notes = []
    for segment in sorted(segments, key=lambda segment: segment.name):
        taken = [file for file in segment.files if file.path in owners]
        for file in taken:
            owner, other = owners[file.path]
            if _content(file) != _content(other):
                notes.append(
                    f"`{owner.name}` and `{segment.name}` both have `/{file.path}`, with different contents: "
                    f"the one of `{owner.name}` is kept"
                )
        owners.update({file.path: (segment, file) for file in segment.files if file.path not in owners})
        settled.append(_without(segment, tuple(file.path for file in taken)) if taken else segment)
    return tuple(settled), tuple(notes)


def _without(segment: Segment, paths: tuple[str, ...]) -> Segment:
    left = tuple(file for file in segment.files if file.path not in set(paths))
    return msgspec.structs.replace(segment, files=left, without=paths)


def _content(file: InstalledFile) -> tuple[int, int] | bytes:
    """Return what two files with equal contents have in common, without reading them."""
    source = file.source.member if isinstance(file.source, Shortened) else file.source
    return source if isinstance(source, bytes) else (source.size, source.crc)


def refuse_clashes(segments: Sequence[Segment], skeleton: Sequence[PlannedFile]) -> None:
    """Refuse a distribution that brings a file of the environment itself, and files where another has a directory."""
    own = {file.path for file in skeleton}
    owners = {file.path: segment for segment in segments for file in segment.files}
    for path in sorted(own & owners.keys()):
        raise HostileInputError(
            f"refusing `{owners[path].filename}`",
            causes=(f"it has `/{path}`, which belongs to the environment itself",),
        )
    for path in sorted(parents(owners) & (own | owners.keys())):
        below = min(other for other in owners if other.startswith(f"{path}/"))
        above = f"`{owners[path].name}`" if path in owners else "the environment itself"
        raise ProjectError(
            f"`{owners[below].name}` cannot be installed",
            causes=(f"`/{path}` is a file of {above}, and `/{below}` would be below it",),
        )
