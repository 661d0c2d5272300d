"""Slim, try, put back what is missed, and try again."""

from __future__ import annotations

from tare.flow.prove import Missed, Proof, Restored, Trial, find_missed, needed, works
from tare.flow.slim_image import Slimmed, slim_image
from tare.flow.world import World
from tare.oci.image import Image
from tare.plan.slim import Level


def slim_proved(
    world: World, image: Image, level: Level, spared: frozenset[str], trial: Trial
) -> tuple[Slimmed, Proof]:
    """Return *image* without what the rules take and nothing misses, and the proof of it."""
    slim = slim_image(world, image, level, spared)
    with world.step("import every module"):
        imported, never, missed = find_missed(trial, image, slim.image)
    restored: tuple[Restored, ...] = ()
    unsound: tuple[Missed, ...] = ()
    if missed:

        def works_with(paths: frozenset[str]) -> bool:
            return works(trial, slim_image(world, image, level, spared | paths).image, missed)

        with world.step("look for what is missed"):
            restored = needed((*slim.dropped, *slim.shortened), works_with)
        paths = frozenset(path for each in restored for path in each.paths)
        slim = slim_image(world, image, level, spared | paths)
        with world.step("import every module"):
            imported, never, unsound = find_missed(trial, image, slim.image)
    proof = Proof(
        engine=trial.engine.name,
        imported=imported,
        never=never,
        missed=missed,
        restored=restored,
        check=trial.check,
        unsound=unsound,
    )
    return slim, proof
