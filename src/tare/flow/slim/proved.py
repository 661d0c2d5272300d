"""Slim, try, put back what is missed, and try again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from tare.flow.build.build import Built, build
from tare.flow.request import Request
from tare.flow.slim.image import Slimmed, slim_image
from tare.flow.slim.prove import Missed, Proof, Restored, Trial, find_missed, modules_among, needed, works
from tare.flow.world import World
from tare.oci.image import Image
from tare.plan.plan import Dropped
from tare.plan.slim import Level
from tare.projects.project import Project

_Made = TypeVar("_Made")


class Lean(msgspec.Struct, frozen=True, kw_only=True):
    """An image without what rules took, whatever it was made from."""

    image: Image
    gone: tuple[Dropped, ...]
    """What was left out or shortened."""


def slim_proved(
    world: World, image: Image, level: Level, spared: frozenset[str], trial: Trial
) -> tuple[Slimmed, Proof]:
    """Return *image* without what the rules take and nothing misses, and the proof of it."""

    def lean(slim: Slimmed) -> Lean:
        return Lean(image=slim.image, gone=(*slim.dropped, *slim.shortened))

    return proved(world, trial, image, lambda kept: slim_image(world, image, level, spared | kept), lean)


def build_proved(
    world: World, project: Project, request: Request, trial: Callable[[Built], Trial]
) -> tuple[Built, Proof]:
    """Return what *request* builds without what the rules take and nothing misses, and the proof of it.

    The image that it is held against is built without a rule.
    """
    whole = build(world, project, msgspec.structs.replace(request, slim=None, spared=()))

    def lean(built: Built) -> Lean:
        return Lean(image=built.image, gone=(*built.prepared.dropped, *built.prepared.shortened))

    def make(kept: frozenset[str]) -> Built:
        spared = tuple(sorted({*request.spared, *kept}))
        return build(world, project, msgspec.structs.replace(request, spared=spared))

    return proved(world, trial(whole), whole.image, make, lean)


def proved(
    world: World,
    trial: Trial,
    whole: Image,
    make: Callable[[frozenset[str]], _Made],
    lean: Callable[[_Made], Lean],
) -> tuple[_Made, Proof]:
    """Return what *make* makes, which is given the paths that stay, with nothing missing that *whole* could do."""
    made = make(frozenset())
    with world.step("import every module"):
        imported, never, missed = find_missed(trial, whole, lean(made).image)
    restored: tuple[Restored, ...] = ()
    unsound: tuple[Missed, ...] = ()
    if missed:
        gone = lean(made).gone
        with world.step("look for what is missed"):
            restored = needed(gone, lambda paths: works(trial, lean(make(paths)).image, missed))
        made = make(frozenset(path for each in restored for path in each.paths))
        with world.step("import every module"):
            imported, never, unsound = find_missed(trial, whole, lean(made).image)
    proof = Proof(
        engine=trial.engine.name,
        imported=imported,
        never=never,
        left_out=modules_among(lean(made).gone),
        missed=missed,
        restored=restored,
        check=trial.check,
        unsound=unsound,
    )
    return made, proof
