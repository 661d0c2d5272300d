"""What `--prove` and `--check` of `tare slim` and `tare build` do: try, put back, and say what was tried."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tare.cli.engines import engines
from tare.cli.settings import cache_path
from tare.engines.interface import Mount
from tare.errors import UsageError
from tare.flow.world import World
from tare.oci.image import Image

if TYPE_CHECKING:
    from tare.cli.build import BuildArguments
    from tare.cli.slim import SlimArguments
    from tare.flow.build.build import Built
    from tare.flow.request import Request
    from tare.flow.slim.image import Slimmed
    from tare.flow.slim.prove import Proof, Trial
    from tare.projects.project import Project


def proved(arguments: SlimArguments, world: World, image: Image, keep: frozenset[str]) -> tuple[Slimmed, Proof]:
    """Return the slim image in which everything works that worked in *image*, and what was tried."""
    from tare.flow.bases import named as bases
    from tare.flow.request import Request
    from tare.flow.slim.interpreter import interpreter_of
    from tare.flow.slim.proved import slim_proved

    request = Request(base=arguments.image, platform=image.platform)
    python = bases.facts(world, image, request).python
    if python is None:
        raise UsageError("the image has no Python, so that nothing can be proved", hints=("Leave `--prove` out",))
    trial = _trial(arguments, interpreter_of(image, python.executable))
    return slim_proved(world, image, arguments.level, keep, trial)


def built_and_proved(
    arguments: BuildArguments, world: World, project: Project, request: Request
) -> tuple[Built, Proof]:
    """Return the slim image of *project* in which everything works, and what was tried."""
    from tare.flow.slim.proved import build_proved

    def trial(whole: Built) -> Trial:
        return _trial(arguments, whole.prepared.scheme.interpreter)

    return build_proved(world, project, request, trial)


def _trial(arguments: SlimArguments | BuildArguments, interpreter: str) -> Trial:
    from tare.engines.choose import choose
    from tare.flow.slim.prove import Trial

    choice = choose(engines(cache_path(arguments.cache_dir)), arguments.engine)
    sys.stderr.write(f"{choice.why}\n")
    return Trial(
        engine=choice.engine,
        interpreter=(interpreter,),
        check=arguments.check,
        mounts=tuple(_mount(text) for text in arguments.mount),
    )


def _mount(text: str) -> Mount:
    source, _, target = text.partition(":")
    if not source or not target.startswith("/"):
        raise UsageError(f"`--mount {text}` is not understood", hints=("Write it as `--mount DIR:/DIR`",))
    return Mount(source=Path(source).absolute(), target=target)
