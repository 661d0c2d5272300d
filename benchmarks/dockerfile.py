"""The post's poetry Dockerfiles against those that `tare dockerfile` writes for the same project.

    python benchmarks/dockerfile.py [--rounds N]

BuildKit builds all of them, for a program of one file and for one with pandas and matplotlib: with `--no-cache` (bases and the
image of uv are there, cache mounts are empty), and after one line of the program has changed. Sizes are of
the layers. The post's start from a replica of Python's slim image, and so do the generated ones; with `eval "$(make -s lab)"`
before it, one starts from the replica of the Alpine image, too. Everything is kept in `.cache/bench`, as for `make bench`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
from machine import description, environment, tare
from peers import POETRY, ROOT, SCIENCE, SLIM, NotMeasuredError, Peers, certificates, poetry_project, run, start
from post import bare_poetry_project
from results import Section, megabytes, page, seconds

sys.path.insert(0, str(ROOT / "src"))

from tare.engines.builders import DockerBuilder
from tare.engines.building import BuildOptions, Built
from tare.flow.dockerfiles.builders import built_sizes
from tare.measure.sizes import ImageSizes

HOME = ROOT / ".cache" / "bench"
REPLICA = "library/python:3.13-slim-trixie"
ALPINE = "library/python:3.13-alpine3.23"

ABOUT = """\
The post's poetry Dockerfiles, step for step (`Dockerfile.poetry-one`, `Dockerfile.poetry`), and what `tare dockerfile` writes
for the same project: one file, as the post has it, and a project that needs pandas and matplotlib, as the post has it later.
Built by BuildKit with `--no-cache`, which empties cache mounts, too: everything is fetched again, but for bases and the image of
uv (a replica of it, `--tool-from`). Then a line of the program changes. The goals are against the post's Dockerfile in one stage; what it would be
against the one in three stands beside it."""


class Goal(NamedTuple):
    """How many times as small, or as fast, the generated one shall be."""

    unpacked: float = 3.0
    build: float = 4.0
    changed: float = 20.0


class Wanted(NamedTuple):
    """A Dockerfile that shall be generated."""

    project: Path
    tool: str
    suite: str
    base: str
    options: tuple[str, ...] = ()


class Figures(NamedTuple):
    """What one Dockerfile costs."""

    sizes: ImageSizes
    build: float
    changed: float


class Case:
    """A Dockerfile with its context."""

    def __init__(self, builder: DockerBuilder, name: str, context: Path, options: BuildOptions) -> None:
        self.builder = builder
        self.name = name
        self.context = context
        self.options = options
        self.cold: list[Built] = []
        self.changed: list[Built] = []

    def warm(self) -> None:
        self.builder.build(self.context, self.options)

    def measure(self) -> None:
        """Build from nothing, and again after a line has changed."""
        program = self.context / "parcels.py"
        cold = msgspec.structs.replace(self.options, cache=False)
        self.cold.append(self.builder.build(self.context, cold))
        program.write_text(f"{program.read_text(encoding='utf-8')}# {os.urandom(8).hex()}\n", encoding="utf-8")
        self.changed.append(self.builder.build(self.context, self.options))
        figures = f"{self.cold[-1].seconds:.1f} s, {self.changed[-1].seconds:.1f} s after a change"
        print(f"{self.name}: {figures}", file=sys.stderr)

    def figures(self) -> Figures:
        return Figures(
            sizes=built_sizes(self.builder, self.options.tag),
            build=statistics.median(built.seconds for built in self.cold),
            changed=statistics.median(built.seconds for built in self.changed),
        )


class Group(NamedTuple):
    """What is built of one project."""

    title: str
    one: Case
    """The post's, in one stage."""

    three: Case
    generated: tuple[Case, ...]

    @property
    def every(self) -> tuple[Case, ...]:
        return (self.one, self.three, *self.generated)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    head = "\n".join(description())
    peers = start(HOME)
    try:
        section = measure(peers, rounds=arguments.rounds)
    finally:
        peers.close()
    print(page([section], preface=head))
    return 0


def measure(peers: Peers, *, rounds: int) -> Section:
    """Build every case in each round, in turns."""
    section = Section(title="Dockerfiles", about=ABOUT)
    groups = _groups(peers)
    cases = [case for group in groups for case in group.every]
    for case in cases:
        case.warm()
    for number in range(rounds):
        for case in cases if number % 2 == 0 else reversed(cases):
            case.measure()
    for group in groups:
        _told(section, group)
    if not os.environ.get("TARE_LAB_REGISTRY"):
        section.missing("on the Alpine replica", 'no lab was started (`eval "$(make -s lab)"`)')
    for case in cases:
        section.raw[f"{case.name}, build"] = [built.seconds for built in case.cold]
        section.raw[f"{case.name}, one line changed"] = [built.seconds for built in case.changed]
    section.notes += [f"Steps of the last build, {case.name}: {_steps(case)}" for case in cases]
    return section


def _told(section: Section, group: Group) -> None:
    found = {case.name: case.figures() for case in group.every}
    one, three = found[group.one.name], found[group.three.name]
    section.add(group.one.name, _said(one))
    section.add(group.three.name, _said(three))
    for case in group.generated:
        _compared(section, case.name, found[case.name], one, three)


def missing(why: str) -> Section:
    """Return the section where nothing could be measured."""
    section = Section(title="Dockerfiles", about=ABOUT)
    section.missing("`tare dockerfile` beside the post's", why, "≥ 3×, ≥ 4×, ≥ 20×")
    return section


def _groups(peers: Peers) -> tuple[Group, ...]:
    base = f"{peers.registry}/{REPLICA}"
    run([*peers.docker, "tag", SLIM, base])
    run([*peers.docker, "push", "--quiet", base])
    bare, whole = bare_poetry_project(peers.home), poetry_project(peers.home)
    lab = os.environ.get("TARE_LAB_REGISTRY")
    alpine = [Wanted(whole, "poetry", "alpine", f"{lab}/{ALPINE}")] if lab else []
    pandas = [
        Wanted(project, tool, "slim", base, options)
        for project, tool in ((whole, "poetry"), (SCIENCE, "uv"))
        for options in ((), ("--slim",))
    ]
    return (
        _group(peers, "one file", bare, [Wanted(bare, "poetry", "slim", base)]),
        _group(peers, "pandas", whole, [*pandas, *alpine]),
    )


def _group(peers: Peers, title: str, project: Path, wanted: list[Wanted]) -> Group:
    return Group(
        title=title,
        one=_post(peers, title, project, "one stage", "Dockerfile.poetry-one"),
        three=_post(peers, title, project, "three stages", "Dockerfile.poetry"),
        generated=tuple(_generated(peers, title, each) for each in wanted),
    )


def _builder(peers: Peers) -> DockerBuilder:
    program, *options = peers.docker
    return DockerBuilder(program=program, options=options, env=dict(os.environ))


def _post(peers: Peers, title: str, project: Path, stages: str, dockerfile: str) -> Case:
    place = f"{dockerfile.lower().replace('.', '-')}-{title.replace(' ', '-')}"
    context = _copy(project, peers.home / place)
    options = BuildOptions(
        tag=f"tare-bench/{place}", dockerfile=ROOT / "benchmarks" / dockerfile, host_network=True,
        build_args={"BASE": SLIM, "POETRY": POETRY},
        secrets={"machine": peers.home / "machine.sh", "certificates": certificates()},
    )  # fmt: skip
    return Case(_builder(peers), f"{title}: the post's in {stages}", context, options)


def _generated(peers: Peers, title: str, wanted: Wanted) -> Case:
    place = "-".join(("dockerfile", title.replace(" ", "-"), wanted.tool, wanted.suite, *wanted.options))
    context = _copy(wanted.project, peers.home / place)
    command = [*tare(), "dockerfile", str(context), "--base", wanted.base, "--certificates", "--tool", wanted.tool]
    command += ["--tool-from", peers.uv_image(), *wanted.options]
    done = subprocess.run(command, check=False, env=environment(peers.home / "tare"), capture_output=True, text=True)
    if done.returncode:
        raise NotMeasuredError(done.stderr.strip()[-400:])
    options = BuildOptions(tag=f"tare-bench/{place}", host_network=True, secrets={"certificates": certificates()})
    asked = " ".join(("tare dockerfile", *wanted.options))
    return Case(_builder(peers), f"{title}: `{asked}`, {wanted.tool}, {wanted.suite}", context, options)


def _copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("dist", "__pycache__", "Dockerfile", ".dockerignore"))
    return target


def _said(figures: Figures) -> str:
    sizes = f"{megabytes(figures.sizes.unpacked)} unpacked, {megabytes(figures.sizes.pull)} to pull"
    return f"{sizes}; built in {seconds(figures.build)}, after a change in {seconds(figures.changed)}"


def _compared(section: Section, name: str, ours: Figures, one: Figures, three: Figures) -> None:
    section.add(name, _said(ours))
    of_one, of_three = _ratios(ours, one), _ratios(ours, three)
    for what, ratio, other, goal in zip(
        ("smaller, unpacked", "faster with `--no-cache`", "faster after a change"),
        of_one,
        of_three,
        Goal(),
        strict=True,
    ):
        figure = f"**{ratio:.1f}×**; than three stages {other:.1f}×"
        section.add(f"{name}: how much {what} than one stage", figure, f"≥ {goal:.0f}×", met=ratio >= goal)


def _ratios(ours: Figures, theirs: Figures) -> tuple[float, float, float]:
    unpacked = theirs.sizes.unpacked / ours.sizes.unpacked
    return unpacked, theirs.build / ours.build, theirs.changed / ours.changed


def _steps(case: Case) -> str:
    steps = [step for step in case.cold[-1].steps if step.seconds and step.seconds >= 0.1]
    return "; ".join(f"`{(step.instruction or step.name)[:60]}` {step.seconds:.1f} s" for step in steps) + "."


if __name__ == "__main__":
    sys.exit(main())
