"""What a base takes of each distribution: a wheel, a source to build, or nothing; and how large that is."""

from __future__ import annotations

from collections.abc import Sequence

from tare.flow.build.distributions import Acquired
from tare.flow.world import World
from tare.plan.choice.candidate import Distribution
from tare.plan.plan import Segment
from tare.projects.locked import Impossible, Locked, LockedWheel
from tare.projects.project import Project
from tare.projects.resolve import Coverage
from tare.wheels.kinds import kinds
from tare.wheels.target import Target


def of_coverage(
    world: World,
    project: Project,
    coverage: Coverage,
    target: Target,
    *,
    acquired: Sequence[Acquired],
    segments: Sequence[Segment],
) -> tuple[Distribution, ...]:
    """Return what *coverage* has for *target*, sorted by name; *acquired* and *segments* are of what was looked at."""
    of_segment = {segment.name: segment for segment in segments}
    sizes = {each.wheel.name: each.size for each in acquired}
    found = [_impossible(each, _remedy(world, project, each, target)) for each in coverage.impossible]
    for each in coverage.selection.locked:
        if isinstance(each, LockedWheel):
            found.append(_wheel(each, target, sizes[each.name], of_segment[each.name]))
        else:
            found.append(_source(world, project, each, target, built=of_segment.get(each.name)))
    return tuple(sorted(found, key=lambda each: each.name))


def _wheel(locked: LockedWheel, target: Target, size: int, segment: Segment) -> Distribution:
    return Distribution(
        name=locked.name,
        version=locked.version,
        kind="wheel",
        file=locked.filename,
        tag=_tag(locked.filename, target),
        size=size,
        unpacked=segment.size,
        native=not locked.filename.endswith("-any.whl"),
        parts=_parts(segment),
    )


def _source(world: World, project: Project, locked: Locked, target: Target, *, built: Segment | None) -> Distribution:
    """Return what building *locked* is like; what it was *built* to before is known to need no compiler here."""
    from tare.flow.choose.natures import nature

    native, why = (False, "built here before") if built is not None else nature(world, locked)
    return Distribution(
        name=locked.name,
        version=getattr(locked, "version", ""),
        kind="sdist",
        file=getattr(locked, "filename", None) or getattr(locked, "path", None),
        tag=None,
        size=getattr(locked, "size", None),
        unpacked=built.size if built is not None else None,
        native=native,
        why=why,
        remedy=_remedy(world, project, locked, target) if native else "",
    )


def _impossible(each: Impossible, remedy: str) -> Distribution:
    return Distribution(
        name=each.name,
        version=each.version,
        kind="impossible",
        file=None,
        tag=None,
        size=None,
        unpacked=None,
        why=each.reason,
        remedy=remedy,
    )


def _remedy(world: World, project: Project, locked: Locked | Impossible, target: Target) -> str:
    from tare.flow.choose.remedy import remedy

    return remedy(world, project, locked, target)


def _parts(segment: Segment) -> dict[str, int]:
    """Return the bytes of a distribution by what its files are for."""
    root = f"{segment.scheme.site_packages}/"
    sizes = {file.path.removeprefix(root): file.size for file in segment.files}
    found: dict[str, int] = {}
    for path, kind in kinds(sizes).items():
        found[kind] = found.get(kind, 0) + sizes[path]
    return dict(sorted(found.items()))


def _tag(filename: str, target: Target) -> str:
    """Return the tag of a wheel's file name by which *target* takes it: of several, the one it likes best."""
    tags = filename.removesuffix(".whl").split("-")[-3:]
    offered = {
        f"{python}-{abi}-{platform}"
        for python in tags[0].split(".")
        for abi in tags[1].split(".")
        for platform in tags[2].split(".")
    }
    if len(offered) == 1:
        return offered.pop()
    return next((str(tag) for tag in target.tags if str(tag) in offered), "-".join(tags))
