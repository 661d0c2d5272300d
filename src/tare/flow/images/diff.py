"""Two images, compared; or an image, and what a project's plan would make of it now."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tare.flow.images.weigh import Opened, is_directory, open_named
from tare.flow.request import Request
from tare.flow.world import World
from tare.measure.contents import read_image
from tare.measure.diff import Weighing, diff
from tare.measure.difference import Difference
from tare.oci.platform import Platform
from tare.projects.project import Project

Asked = Callable[[Platform | None], tuple[Project, Request]]
"""Tells a project, and the image of it that is asked for, for a platform if one is known."""

_PROJECT = ("pyproject.toml", "pylock.toml", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "requirements.txt")


def is_project(text: str) -> bool:
    """Whether *text* is a path of a project, and not of an environment, a layout, or any other directory."""
    path = Path(text).expanduser()
    if path.is_file():
        return path.name in _PROJECT or path.suffix == ".py"
    plain = is_directory(text) or os.sep in text
    return plain and not (path / "pyvenv.cfg").exists() and any((path / name).is_file() for name in _PROJECT)


def differ(
    world: World,
    before: str,
    after: str,
    *,
    platform: Platform | None = None,
    semantic: bool = False,
    asked: Asked | None = None,
) -> Difference:
    """Return the difference of what two names name. With *asked*, *after* is a project, and that tells its image."""
    first = open_named(world, before, platform)
    if asked is None:
        second = open_named(world, after, platform)
    else:
        second = _planned(world, after, asked, platform or (first.image.platform if first.image else None))
    with world.step("compare"):
        return diff(_weighing(first, before), _weighing(second, after), semantic=semantic)


def _weighing(opened: Opened, name: str) -> Weighing:
    return Weighing(name, opened.image, opened.contents, repacked=opened.repacked)


def _planned(world: World, text: str, asked: Asked, platform: Platform | None) -> Opened:
    """Return what is built from the project's plan now. Layers that are known already cost nothing."""
    from tare.flow.build.build import build
    from tare.flow.images.recompress import compression_of, recompressed_built

    with world.cache.in_use():
        project, request = asked(platform)
        built = build(world, project, request)
        if compression_of(built, single_member=request.single_member) == "dense":
            built = recompressed_built(world, built, "dense")
        image = built.image
        contents = read_image(image, what=f"the image of `{text}`", progress=world.reporter.advance)
    return Opened(name=text, image=image, contents=contents, repacked=False)
