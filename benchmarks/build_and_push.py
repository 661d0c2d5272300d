"""From a locked project to an image in a registry: tare against Docker's builder with two Dockerfiles."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path

from fixture import Tare
from harness import Rounds, interleave, timed
from peers import BUILDER, POETRY, SCIENCE, SLIM, NotMeasuredError, Peers, poetry_project, run, start
from results import Section, seconds

ABOUT = """\
`examples/science` (pandas and matplotlib, locked with hashes) becomes an image in a registry on loopback. Before each
measurement there are, on both sides, the base, in the store and in the registry, and the downloads; nothing else:

* **tare**: its cache holds the Debian packages and the assembled base, and the wheels. Layers and every memo of a project
  or a wheel are removed (all of `memo/` but what is about bases, and the blobs that `memo/layers` names), so the lock
  is resolved, wheels are read and checked, and layers written, anew. `tare build -o oci:DIR`, then `skopeo copy`.
* **good Dockerfile** (`Dockerfile.uv`): two stages; images of the base and of the base with uv are there, and the cache
  mount of uv with the wheels unpacked. The builder's other cache is removed. `docker build`, then `docker push`.
* **poetry Dockerfile** (`Dockerfile.poetry`): the steps of the post that tare was created from, with their floating
  downloads: it has no cache mount, so compilers, poetry and wheels are fetched in each build. That is how it is written;
  the seconds of each step are below.

The peers' base is a replica of the slim image of Python, made with mmdebstrap: CPython 3.13 of Debian trixie."""

GOOD, POST, OURS, AGAIN = "good Dockerfile", "poetry Dockerfile", "tare", "tare, again"
TAG = "bench"


def measure(tare: Tare, home: Path, *, rounds: int, costly: int, budget: float) -> Section:
    """Measure for *rounds* rounds; the poetry Dockerfile, which takes half a minute, in the first *costly* ones."""
    section = Section(title="Build and push", about=ABOUT)
    goals = {GOOD: ("≥ 6×", 6.0), POST: ("≥ 20×", 20.0)}
    try:
        peers = start(home)
    except NotMeasuredError as error:
        for name, (goal, _) in goals.items():
            section.missing(f"{name}: how much faster tare is", str(error), goal)
        return section
    try:
        parts, steps = _Parts(), dict[str, float]()
        cases = _cases(tare, peers, parts, steps)
        found = interleave(cases, rounds=rounds, seconds=budget, only_first={POST: costly})
    except NotMeasuredError as error:
        section.missing("build and push", str(error), "≥ 6× and ≥ 20×")
        return section
    finally:
        peers.close()
    _report(section, found, parts, steps, goals)
    return section


class _Parts:
    """How long the two halves took."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], list[float]] = {}

    def timed(self, name: str, half: str, work: Callable[[], object]) -> float:
        took = timed(work)
        self.seconds.setdefault((name, half), []).append(took)
        return took

    def median(self, name: str, half: str) -> str:
        return seconds(statistics.median(self.seconds[name, half]))


def _cases(tare: Tare, peers: Peers, parts: _Parts, steps: dict[str, float]) -> dict[str, Callable[[], float]]:
    layout = peers.home / "layout"
    poetry = poetry_project(peers.home)
    _hold_bases(tare, peers, layout)

    def ours(name: str) -> float:
        peers.restore_registry()
        tare.forget_project()
        shutil.rmtree(layout, ignore_errors=True)
        built = parts.timed(name, "build", lambda: tare.run("build", str(SCIENCE), "-o", f"oci:{layout}:{TAG}"))
        return built + parts.timed(name, "push", lambda: copy(peers, layout, "app:tare"))

    def docker(name: str, dockerfile: str, context: Path, **arguments: str) -> float:
        peers.restore_registry()
        peers.forget_layers()
        log = ""

        def build() -> None:
            nonlocal log
            log = peers.build(dockerfile, context, TAG, base=SLIM, **arguments)

        built = parts.timed(name, "build", build)
        steps.update(slow_steps(log) if name == POST else {})
        return built + parts.timed(name, "push", lambda: peers.push(TAG, f"app:{dockerfile.partition('.')[2]}"))

    return {
        OURS: lambda: ours(OURS),
        AGAIN: lambda: ours(AGAIN),
        GOOD: lambda: docker(GOOD, "Dockerfile.uv", SCIENCE, builder=BUILDER),
        POST: lambda: docker(POST, "Dockerfile.poetry", poetry, poetry=POETRY),
    }


def _hold_bases(tare: Tare, peers: Peers, layout: Path) -> None:
    """Fill what shall be there: both bases in the registry, and wheels in the cache mount."""
    peers.build("Dockerfile.uv", SCIENCE, TAG, base=SLIM, builder=BUILDER)
    document = json.loads(tare.run("build", str(SCIENCE), "-o", f"oci:{layout}:{TAG}", "--json").stdout)
    copy(peers, layout, "app:base")
    peers.push(SLIM, "app:slim")
    for layer in document["layers"]:
        if layer["kind"] != "base":
            peers.remove_blob("app", layer["digest"])
    peers.keep_registry()


def copy(peers: Peers, layout: Path, name: str) -> None:
    """Push from a layout, with the client that everybody has."""
    source, target = f"oci:{layout}:{TAG}", f"docker://{peers.registry}/{name}"
    run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", source, target])


def slow_steps(log: str) -> dict[str, float]:
    """Return the seconds of a build's slow steps, from the builder's plain log."""
    names = dict(re.findall(r"^#(\d+) (\[.*|exporting to image)$", log, re.MULTILINE))
    took = {
        names[number]: float(value)
        for number, value in re.findall(r"^#(\d+) DONE ([\d.]+)s$", log, re.MULTILINE)
        if number in names
    }
    return {name: value for name, value in took.items() if value >= 0.5}


def _report(
    section: Section, found: Rounds, parts: _Parts, steps: dict[str, float], goals: dict[str, tuple[str, float]]
) -> None:
    for name in (OURS, GOOD, POST):
        split = f"build {parts.median(name, 'build')} + push {parts.median(name, 'push')}"
        section.add(f"{name}, median of {found.count(name)}", f"{seconds(found.median(name))} ({split})")
    for name, (goal, least) in goals.items():
        ratio = found.ratio(name, OURS)
        section.add(
            f"{name}: how much faster tare is",
            f"**{ratio.median:.1f}×** ({ratio.low:.1f}–{ratio.high:.1f})",
            goal,
            ratio.median >= least,
        )
    section.noise(found.ratio(AGAIN, OURS))
    if steps:
        told = "; ".join(
            f"{_short(name)} {value:.1f} s" for name, value in sorted(steps.items(), key=lambda item: -item[1])
        )
        section.notes.append(f"Steps of the last build of the poetry Dockerfile: {told}.")


def _short(step: str) -> str:
    """Return a step without the secrets that it mounts."""
    plain = re.sub(r"--mount=\S+\s*|\. /run/secrets/machine\s*&&\s*", "", step)
    plain = re.sub(r"\s+", " ", plain.partition("] ")[2] or plain)
    return f"`{plain[:60]}{'…' if len(plain) > 60 else ''}`"
