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
    unpacked = {segment.name: segment.size for segment in segments}
    parts = {segment.name: _parts(segment) for segment in segments}
    sizes = {each.wheel.name: each.size for each in acquired}
    found = []
    for each in coverage.selection.locked:
        if isinstance(each, LockedWheel):
            found.append(
                Distribution(
                    name=each.name,
                    version=each.version,
                    kind="wheel",
                    file=each.filename,
                    tag=_tag(each.filename, target),
                    size=sizes[each.name],
                    unpacked=unpacked[each.name],
                    native=not each.filename.endswith("-any.whl"),
                    parts=parts[each.name],
                )
            )
        else:
            from tare.flow.choose.natures import nature

            native, why = (False, "built here before") if each.name in unpacked else nature(world, each)
            found.append(
                Distribution(
                    name=each.name,
                    version=getattr(each, "version", ""),
                    kind="sdist",
                    file=getattr(each, "filename", None) or getattr(each, "path", None),
                    tag=None,
                    size=getattr(each, "size", None),
                    unpacked=unpacked.get(each.name),
                    native=native,
                    why=why,
                    remedy=_remedy(world, project, each, target) if native else "",
                )
            )
    found += [
        Distribution(
            name=each.name,
            version=each.version,
            kind="impossible",
            file=None,
            tag=None,
            size=None,
            unpacked=None,
            why=each.reason,
            remedy=_remedy(world, project, each, target),
        )
        for each in coverage.impossible
    ]
    return tuple(sorted(found, key=lambda each: each.name))


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
