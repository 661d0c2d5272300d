"""Two images, compared; or an image, and what a project's plan would make of it now."""

from __future__ import annotations

import os
from pathlib import Path

from tare.errors import UsageError
from tare.flow.images.weigh import Opened, is_directory, open_named
from tare.flow.world import World
from tare.measure.contents import read_image
from tare.measure.diff import Weighing, diff
from tare.measure.difference import Difference
from tare.oci.platform import Platform

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
    plan: bool = False,
    base: str | None = None,
) -> Difference:
    """Return the difference of what two names name. *after* is a project where it is one, or where *plan* says so."""
    first = open_named(world, before, platform)
    if plan or is_project(after):
        second = _planned(world, after, first, platform, base)
    else:
        if base is not None:
            raise UsageError("`--base` is for the image of a project", causes=(f"`{after}` is none",))
        second = open_named(world, after, platform)
    with world.step("compare"):
        return diff(_weighing(first, before), _weighing(second, after), semantic=semantic)


def _weighing(opened: Opened, name: str) -> Weighing:
    return Weighing(name, opened.image, opened.contents, repacked=opened.repacked)


def _planned(world: World, text: str, first: Opened, platform: Platform | None, base: str | None) -> Opened:
    """Return what is built from the project's plan now. Layers that are known already cost nothing."""
    import platform as this_machine

    from tare.flow.bases.default import default_base
    from tare.flow.build.build import build
    from tare.flow.request import Request
    from tare.oci import platform as platforms
    from tare.projects.project import read

    project = read(str(Path(text).expanduser()), lock=None, memo_directory=world.memo_directory)
    wanted = platform or (first.image.platform if first.image else platforms.parse(this_machine.machine()))
    request = Request(
        base=base or project.config.base or default_base(world, project, None),
        platform=wanted,
        system_packages=project.config.system_packages,
        bytecode=project.config.bytecode or "none",
    )
    with world.cache.in_use():
        image = build(world, project, request).image
        contents = read_image(image, what=f"the image of `{text}`", progress=world.reporter.advance)
    return Opened(name=text, image=image, contents=contents, repacked=False)
