"""What repairing a Dockerfile is worth: built before and after, by a real engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tare.engines.building import Builder, BuildOptions, Built
from tare.engines.steps import Step
from tare.flow.dockerfiles.builders import built_sizes
from tare.measure.sizes import ImageSizes

ROUNDS: Final = 2
"""Builds of each file that count; the faster one is taken, since what disturbs a build only makes it slower."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One Dockerfile, built."""

    sizes: ImageSizes
    seconds: float
    """A build without layers of earlier ones; bases and cache mounts are there."""

    again: float
    """The same build once more, with all its layers there."""

    steps: tuple[Step, ...]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A Dockerfile before and after it is repaired."""

    file: str
    fixed: int
    """How many findings the repair is for."""

    engine: str
    before: Figures
    after: Figures


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What the builds are given."""

    context: Path
    build_args: Mapping[str, str] = {}
    secrets: Mapping[str, Path] = {}
    host_network: bool = False


def measure(
    builder: Builder,
    file: str,
    texts: tuple[str, str],
    fixed: int,
    setting: Setting,
    *,
    weigh: Callable[[Builder, str], ImageSizes] = built_sizes,
) -> Measured:
    """Build both *texts* of *file*, before and after *fixed* repairs, in turns, and return what each is.

    *weigh* tells the sizes of an image that the builder holds.
    """
    with tempfile.TemporaryDirectory(prefix="tare-lint-") as place:
        every = [
            _written(Path(place), name, text, called, setting)
            for name, text, called in zip(
                ("before", "after"), texts, (f"`{file}`", f"`{file}`, repaired,"), strict=True
            )
        ]
        try:
            for options in every:
                # Bases are pulled and cache mounts filled; what that takes is nobody's fault.
                builder.build(setting.context, options)
            builds: list[list[Built]] = [[], []]
            for number in range(ROUNDS):
                order = (0, 1) if number % 2 == 0 else (1, 0)
                for index in order:
                    builds[index].append(
                        builder.build(setting.context, msgspec.structs.replace(every[index], cache=False))
                    )
            before, after = (
                _figures(builder.build(setting.context, options), found, weigh(builder, options.tag))
                for options, found in zip(every, builds, strict=True)
            )
        finally:
            for options in every:
                builder.remove(options.tag)
    return Measured(file=file, fixed=fixed, engine=builder.name, before=before, after=after)


def _written(place: Path, name: str, text: str, called: str, setting: Setting) -> BuildOptions:
    path = place / f"{name}.Dockerfile"
    path.write_text(text, encoding="utf-8", newline="")
    return BuildOptions(
        dockerfile=path,
        called=called,
        tag=f"localhost/tare-lint-{os.urandom(4).hex()}:{name}",
        build_args=setting.build_args,
        secrets=setting.secrets,
        host_network=setting.host_network,
    )


def _figures(again: Built, builds: list[Built], sizes: ImageSizes) -> Figures:
    best = min(builds, key=lambda built: built.seconds)
    return Figures(sizes=sizes, seconds=best.seconds, again=again.seconds, steps=best.steps)
