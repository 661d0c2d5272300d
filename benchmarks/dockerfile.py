"""The post's poetry Dockerfile against the one that `tare dockerfile` writes for the same project.

    python benchmarks/dockerfile.py [--rounds N] [--output FILE]

Both are built by BuildKit on one replica of Python's slim image: without layers of earlier builds (bases and cache mounts are
there; the post's has no cache mount), and after one line of the program has changed. Sizes are of the layers. Everything is kept
in `.cache/bench`, as for `make bench`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from machine import description
from peers import POETRY, ROOT, SCIENCE, SLIM, Peers, certificates, poetry_project, run, start

sys.path.insert(0, str(ROOT / "src"))

from tare.engines.builders import DockerBuilder
from tare.engines.building import BuildOptions, Built
from tare.flow.builders import built_sizes
from tare.measure.sizes import ImageSizes

HOME = ROOT / ".cache" / "bench"
REPLICA = "library/python:3.13-slim-trixie"
GOALS = {"unpacked": 3.0, "build": 4.0, "changed": 20.0}
"""How many times as small, and as fast, the generated one shall be."""


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

    def sizes(self) -> ImageSizes:
        return built_sizes(self.builder, self.options.tag)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="where to write the page")
    arguments = parser.parse_args()
    machine = description()
    peers = start(HOME)
    try:
        text = compared(peers, arguments.rounds, machine)
    finally:
        peers.close()
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


def compared(peers: Peers, rounds: int, machine: list[str]) -> str:
    base = f"{peers.registry}/{REPLICA}"
    run([*peers.docker, "tag", SLIM, base])
    run([*peers.docker, "push", "--quiet", base])
    project = poetry_project(peers.home)
    cases = [
        _post(peers, project),
        _generated(peers, project, base, "poetry"),
        _generated(peers, _hashed(peers.home), base, "uv"),
    ]
    for case in cases:
        case.warm()
    for number in range(rounds):
        for case in cases if number % 2 == 0 else reversed(cases):
            case.measure()
    return page(cases, machine)


def _builder(peers: Peers) -> DockerBuilder:
    program, *options = peers.docker
    return DockerBuilder(program=program, options=options, env=dict(os.environ))


def _post(peers: Peers, project: Path) -> Case:
    context = _copy(project, peers.home / "dockerfile-post")
    options = BuildOptions(
        tag="tare-bench/post", dockerfile=ROOT / "benchmarks" / "Dockerfile.poetry", host_network=True,
        build_args={"BASE": SLIM, "POETRY": POETRY},
        secrets={"machine": peers.home / "machine.sh", "certificates": certificates()},
    )  # fmt: skip
    return Case(_builder(peers), "the post's, poetry", context, options)


def _generated(peers: Peers, project: Path, base: str, tool: str) -> Case:
    context = _copy(project, peers.home / f"dockerfile-{tool}")
    command = [
        sys.executable,
        "-m",
        "tare",
        "dockerfile",
        str(context),
        "--base",
        base,
        "--certificates",
        "--tool",
        tool,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    options = BuildOptions(tag=f"tare-bench/{tool}", host_network=True, secrets={"certificates": certificates()})
    return Case(_builder(peers), f"tare dockerfile, {tool}", context, options)


def _hashed(home: Path) -> Path:
    """Return the example as it is, with hashed requirements."""
    return _copy(SCIENCE, home / "dockerfile-source")


def _copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("dist", "__pycache__", "Dockerfile", ".dockerignore"))
    return target


def page(cases: list[Case], machine: list[str]) -> str:
    """Return the table, and for each goal whether it is met."""
    first = cases[0]
    figures: dict[str, Callable[[Case], float]] = {
        "unpacked": lambda case: case.sizes().unpacked / 1e6,
        "to pull": lambda case: case.sizes().pull / 1e6,
        "build": lambda case: statistics.median(built.seconds for built in case.cold),
        "changed": lambda case: statistics.median(built.seconds for built in case.changed),
    }
    lines = [*machine, "", "| | " + " | ".join(case.name for case in cases) + " | goal |"]
    lines.append("|---" * (len(cases) + 2) + "|")
    for name, figure in figures.items():
        unit = "MB" if name in {"unpacked", "to pull"} else "s"
        values = [figure(case) for case in cases]
        shown = [
            f"{value:.1f} {unit}" + (f" ({values[0] / value:.1f}×)" if index else "")
            for index, value in enumerate(values)
        ]
        goal = f"≥ {GOALS[name]:.0f}×" if name in GOALS else ""
        lines.append(f"| {name} | " + " | ".join(shown) + f" | {goal} |")
    lines += ["", f"Steps of the last build without layers, {first.name} first:", ""]
    for case in cases:
        steps = [step for step in case.cold[-1].steps if step.seconds and step.seconds >= 0.1]
        lines.append(
            f"* {case.name}: "
            + "; ".join(f"`{(step.instruction or step.name)[:60]}` {step.seconds:.1f} s" for step in steps)
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
