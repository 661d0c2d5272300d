"""`tare dockerfile --slim`: what of the locked distributions a generated Dockerfile removes.

The rules, and the evidence that nothing imports what goes, are those of `tare build --slim`: `docs/slim.md`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tare.dockerfile.generate.patterns import matches, patterns
from tare.dockerfile.generate.recipe import LeftOut
from tare.flow.build.dependencies import placed, requested, scheme_of
from tare.flow.build.distributions import acquire
from tare.flow.build.slimming import clues, own_mentions, slimmed
from tare.flow.world import World
from tare.plan.plan import Segment
from tare.projects.locked import LockedWheel
from tare.projects.project import Project
from tare.projects.resolve import Selection
from tare.wheels.target import Target


class _Files(msgspec.Struct, frozen=True, kw_only=True):
    """Files of distributions, by their path in `site-packages`."""

    gone: dict[str, int]
    """With their sizes."""

    kept: frozenset[str]


def left_out(world: World, project: Project, selections: Iterable[tuple[Target, Selection]]) -> LeftOut | None:
    """Return what the wheels of *selections* are installed without; of several platforms, what goes on all that have it.

    Of what is built from source nothing is known before: it stays whole.
    """
    chosen = tuple(selections)
    every = [(target, _files(world, project, target, selection)) for target, selection in chosen]
    if not every:
        return None
    kept = frozenset(path for _, files in every for path in files.kept)
    gone = {path: size for _, files in reversed(every) for path, size in files.gone.items() if path not in kept}
    others = any(not isinstance(each, LockedWheel) for _, selection in chosen for each in selection.locked)
    found = patterns(gone, kept, others=others)
    matched = {path: size for path, size in gone.items() if _is_matched(path, found)}
    if not found:
        return None
    directory = scheme_of(every[0][0]).site_packages
    return LeftOut(directory=f"/{directory}", patterns=found, files=len(matched), size=sum(matched.values()))


def _files(world: World, project: Project, target: Target, selection: Selection) -> _Files:
    wheels = [each for each in selection.locked if isinstance(each, LockedWheel)]
    acquired = acquire(world, wheels, target, requested=requested(project))
    segments, _ = placed(acquired, scheme_of(target))
    segments = slimmed(segments, clues(world, acquired), "safe", (), own=own_mentions(world, project))
    return _Files(
        gone={path: size for segment in segments for path, size in _gone(segment)},
        kept=frozenset(_inside(file.path, segment) for segment in segments for file in segment.files),
    )


def _gone(segment: Segment) -> Iterable[tuple[str, int]]:
    prefix = f"{segment.scheme.site_packages}/"
    return ((_inside(each.path, segment), each.size) for each in segment.dropped if each.path.startswith(prefix))


def _inside(path: str, segment: Segment) -> str:
    return path.removeprefix(f"{segment.scheme.site_packages}/")


def _is_matched(path: str, found: Iterable[str]) -> bool:
    parts = path.split("/")
    heads = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return any(matches(pattern, head) for pattern in found for head in heads)
