"""Builds of one project, each under its own setting, in a place of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import tare
from reproducing.axes import SOMEBODY, THIS, Machine
from reproducing.covering import Setting

MakeProject = Callable[[Path, bool], None]
"""Writes a project into an empty directory; the second argument says whether everything comes in the opposite order."""

FAR = "a longer way, ünïcode & so on"
OF_BASES = ("assembled", "base-layers", "default-base", "facts", "names", "packages", "pins", "suites")
"""Kinds of memo that are about bases; all others are about projects and wheels."""

DOWNLOADS = ("default-base", "names", "pins", "suites")
"""Kinds of memo that say what a base consists of: with these and the packages, it can be assembled without a network."""


class Workshop:
    """Where builds are made. *near* and *far* are two directories, best on two file systems."""

    def __init__(
        self,
        machine: Machine,
        near: Path,
        far: Path,
        *,
        make: MakeProject,
        options: tuple[str, ...] = (),
        base: Path | None = None,
        seed: Path | None = None,
        variables: Mapping[str, str],
    ) -> None:
        self._machine = machine
        self._places = {"near": near, "far": far / FAR}
        self._make = make
        self._options = options
        self._base = base
        """A layout that each build gets its own copy of; without one, *options* name the base."""
        self._variables = variables
        self._seeds = {"cold": near / "seed-cold", "warm": near / "seed-warm"}
        for place in self._seeds.values():
            place.mkdir(parents=True, exist_ok=True)
        if seed is not None:
            copy(seed, self._seeds["cold"])
        self._number = 0

    def change(self, name: str, text: str, *, mode: int) -> None:
        """Have another text and mode in a file of the project, from the next build on."""
        make = self._make

        def changed(directory: Path, reverse: bool) -> None:  # noqa: FBT001  # as it is called
            make(directory, reverse)
            (directory / name).write_text(text, encoding="utf-8")
            (directory / name).chmod(mode)

        self._make = changed

    def fill(self, setting: Setting, *, keep: Iterable[str] = OF_BASES) -> Path:
        """Build once for the two caches: a warm one, and one that has downloads and the memos *keep*, and no more."""
        built = self.build({**setting, "cache": "cold"})
        cache = built.parent / "cache"
        for seed in self._seeds.values():
            shutil.rmtree(seed)
            copy(cache, seed)
        forget(self._seeds["cold"], keep=keep)
        return built

    def build(self, setting: Setting, **more: str) -> Path:
        """Build under *setting*, with *more* variables, and return the layout."""
        self._number += 1
        here = self._places["near"] / f"run-{self._number}"
        there = self._places[setting["place"]] / f"run-{self._number}"
        project = there / ("app" if setting["place"] == "near" else "the project")
        project.mkdir(parents=True)
        self._make(project, setting["order"] == "reversed")
        date(project, setting["file times"])
        cache, layout = here / "cache", here / "layout"
        copy(self._seeds[setting["cache"]], cache, link=setting["user"] == THIS)
        options = list(self._options)
        if self._base is not None:
            base = there / "base"
            shutil.copytree(self._base, base)
            options += ["--base", f"oci:{base}"]
        if setting["user"] != THIS:
            self._move_in(here)
            own(there, here, user=SOMEBODY)
        self._run(setting, project, layout, [*options, "--threads", setting["threads"]], cache, more=more)
        return layout

    def _move_in(self, here: Path) -> None:
        """Copy what several builds write to, for a user who may not write to ours."""
        ours = Path(self._variables["UV_CACHE_DIR"])
        ours.mkdir(parents=True, exist_ok=True)
        shutil.copytree(ours, here / "uv", symlinks=True)

    def _run(
        self,
        setting: Setting,
        project: Path,
        layout: Path,
        options: list[str],
        cache: Path,
        *,
        more: Mapping[str, str],
    ) -> None:
        command = self._machine.command(setting)
        near = setting["place"] == "near"
        # From far away everything is named as seen from the project.
        names = (str(project), f"oci:{layout}") if near else (".", f"oci:{os.path.relpath(layout, project)}")
        command += ["build", names[0], "--output", names[1], *options, "--offline"]
        variables = {
            **self._machine.environment(setting),
            "HOME": str(cache.parent / "home"),
            "TARE_CACHE_DIR": str(cache) if near else os.path.relpath(cache, project),
            "PYTHONPATH": str(Path(tare.__file__).parent.parent),
            **self._variables,
            **(
                {}
                if setting["user"] == THIS
                else {"UV_CACHE_DIR": str(cache.parent / "uv"), "PLACE": str(cache.parent)}
            ),
            **more,
        }
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd="/" if near else project,
            env=variables,
            umask=int(setting["umask"], 8),
        )
        assert done.returncode == 0, f"{_shown(setting)}\n{' '.join(command)}\n{done.stderr}"


def forget(cache: Path, *, keep: Iterable[str]) -> None:
    """Remove from *cache* every memo but those of the kinds *keep*, and the layers that they name. Downloads stay."""
    kept = set(keep)
    for kind in (cache / "memo").glob("*"):
        if kind.name not in kept:
            for memo in kind.glob("*") if kind.name in {"layers", "base-layers"} else ():
                known = json.loads(memo.read_bytes())
                digest = known.get("layer", known)["descriptor"]["digest"]  # a base's has more than its layer
                (cache / "blobs" / digest.replace(":", "/")).unlink(missing_ok=True)
            shutil.rmtree(kind)


def copy(source: Path, target: Path, *, link: bool = True) -> None:
    """Copy a cache: its blobs never change, and what does is replaced by renaming, so names are enough for one user."""
    shutil.copytree(source, target, copy_function=_link if link else shutil.copy2, dirs_exist_ok=True)


def own(*directories: Path, user: int) -> None:
    """Give everything below *directories* to *user*."""
    for directory in directories:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)


def date(directory: Path, times: str) -> None:
    """Change when the files below *directory* were changed last."""
    if times == "now":
        return
    for number, path in enumerate(sorted(directory.rglob("*"))):
        second = 0 if times == "1970" else 1_000_000_000 + number * 7_654_321
        os.utime(path, (second, second), follow_symlinks=False)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _shown(setting: Setting) -> str:
    return ", ".join(f"{axis} {value}" for axis, value in setting.items())


def told(setting: Setting, reference: Iterable[tuple[str, str]]) -> str:
    """Return in what *setting* is not the *reference*."""
    first = dict(reference)
    return ", ".join(f"{axis} {value}" for axis, value in setting.items() if value != first[axis]) or "the reference"
