"""From a locked project to an image in a registry: tare against Docker's builder with two Dockerfiles."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable

from fixture import Tare
from harness import Rounds, interleave, timed
from peers import BUILDER, POETRY, SCIENCE, SLIM, Peers, poetry_project
from results import Section, megabytes, seconds

ABOUT = """\
`examples/science` (pandas and matplotlib, locked with hashes) becomes an image in a registry on loopback. Before each
measurement there are, on both sides, the base, in the store and in the registry, and the downloads; nothing else:

* **tare**: `tare build examples/science --push -t REGISTRY/app:tare`. Its cache holds the Debian packages and the assembled
  base, and the wheels. Layers and every memo of a project or a wheel are removed (all of `memo/` but what is about bases,
  and the blobs that `memo/layers` names), so the lock is read, wheels are read and checked, and layers written, anew.
* **good Dockerfile** (`Dockerfile.uv`): two stages; images of the base and of the base with uv are there, and the cache
  mount of uv with the wheels unpacked. The builder's other cache is removed. `docker build`, then `docker push`.
* **poetry Dockerfile** (`Dockerfile.poetry`): the steps of the post that tare was created from, with their floating
  downloads: it has no cache mount, so compilers, poetry and wheels are fetched in each build. That is how it is written;
  the seconds of each step are below.

The peers' base is a replica of the slim image of Python, made with mmdebstrap: CPython 3.13 of Debian trixie."""

GOOD, POST, OURS, AGAIN = "good Dockerfile", "poetry Dockerfile", "tare", "tare, again"
GOALS = {GOOD: 6.0, POST: 20.0}
"""How many times as fast tare shall be."""

TAG = "bench"


def measure(tare: Tare, peers: Peers, *, rounds: int, costly: int, budget: float) -> Section:
    """Measure for *rounds* rounds; the poetry Dockerfile, which takes half a minute, in the first *costly* ones."""
    section = Section(title="Build and push", about=ABOUT)
    run = _Run(tare, peers)
    found = interleave(run.cases(), rounds=rounds, seconds=budget, only_first={POST: costly})
    section.raw.update(found.figures)
    _report(section, found, run)
    return section


def missing(why: str) -> Section:
    """Return the section of a machine that has no peers."""
    section = Section(title="Build and push", about=ABOUT)
    for name, least in GOALS.items():
        section.missing(f"{name}: how much faster tare is", why, f"≥ {least:.0f}×")
    return section


class _Run:
    """The cases, and what is learned beside their time."""

    def __init__(self, tare: Tare, peers: Peers) -> None:
        self.tare = tare
        self.peers = peers
        self.halves: dict[tuple[str, str], list[float]] = {}
        """Seconds of building and of pushing."""

        self.steps: dict[str, float] = {}
        self.sizes: dict[str, str] = {}

    def cases(self) -> dict[str, Callable[[], float]]:
        poetry = poetry_project(self.peers.home)
        self._hold_bases()
        return {
            OURS: self.ours,
            AGAIN: self.ours,
            GOOD: lambda: self.docker(GOOD, "Dockerfile.uv", str(SCIENCE), builder=BUILDER),
            POST: lambda: self.docker(POST, "Dockerfile.poetry", str(poetry), poetry=POETRY),
        }

    def ours(self) -> float:
        self.peers.restore_registry()
        self.tare.forget_project()
        done = self.tare.run(*pushing(self.peers, str(SCIENCE)))
        sizes = json.loads(done.stdout)["sizes"]
        self.sizes[OURS] = f"{megabytes(sizes['unpacked'])} unpacked, {megabytes(sizes['pull'])} to pull"
        return done.seconds

    def docker(self, name: str, dockerfile: str, context: str, **arguments: str) -> float:
        self.peers.restore_registry()
        self.peers.forget_layers()
        log = ""

        def build() -> None:
            nonlocal log
            log = self.peers.build(dockerfile, context, TAG, base=SLIM, **arguments)

        remote = f"app:{dockerfile.partition('.')[2]}"
        took = timed(build), timed(lambda: self.peers.push(TAG, remote))
        for half, value in zip(("build", "push"), took, strict=True):
            self.halves.setdefault((name, half), []).append(value)
        self.steps.update(slow_steps(log) if name == POST else {})
        self.sizes[name] = self.peers.sizes(TAG, remote)
        return sum(took)

    def _hold_bases(self) -> None:
        """Fill what shall be there: both bases in the registry, and wheels in the cache mount."""
        self.peers.build("Dockerfile.uv", str(SCIENCE), TAG, base=SLIM, builder=BUILDER)
        document = json.loads(self.tare.run(*pushing(self.peers, str(SCIENCE))).stdout)
        self.peers.push(SLIM, "app:slim")
        for layer in document["layers"]:
            if layer["kind"] != "base":
                self.peers.remove_blob("app", layer["digest"])
        self.peers.keep_registry()


def pushing(peers: Peers, project: str) -> list[str]:
    """Return tare's arguments that build *project* and push it."""
    registry = ["--insecure-registry", peers.registry, "-t", f"{peers.registry}/app:tare"]
    return ["build", project, "--push", *registry, "--json"]


def slow_steps(log: str) -> dict[str, float]:
    """Return the seconds of a build's slow steps, from the builder's plain log."""
    names = dict(re.findall(r"^#(\d+) (\[.*|exporting to image)$", log, re.MULTILINE))
    took = {
        names[number]: float(value)
        for number, value in re.findall(r"^#(\d+) DONE ([\d.]+)s$", log, re.MULTILINE)
        if number in names
    }
    return {name: value for name, value in took.items() if value >= 0.5}


def _report(section: Section, found: Rounds, run: _Run) -> None:
    for name in (OURS, GOOD, POST):
        halves = (
            [f"{half} {seconds(statistics.median(run.halves[name, half]))}" for half in ("build", "push")]
            if name != OURS
            else []
        )
        told = "; ".join(filter(None, [" + ".join(halves), run.sizes[name]]))
        section.add(f"{name}, median of {found.count(name)}", f"{seconds(found.median(name))} ({told})")
    for name, least in GOALS.items():
        ratio = found.ratio(name, OURS)
        section.add(
            f"{name}: how much faster tare is",
            f"**{ratio.median:.1f}×** ({ratio.low:.1f}–{ratio.high:.1f})",
            f"≥ {least:.0f}×",
            ratio.median >= least,
        )
    section.noise(found.ratio(AGAIN, OURS))
    if run.steps:
        slowest = sorted(run.steps.items(), key=lambda item: -item[1])
        told = "; ".join(f"{_short(name)} {value:.1f} s" for name, value in slowest)
        section.notes.append(f"Steps of the last build of the poetry Dockerfile: {told}.")


def _short(step: str) -> str:
    """Return a step without the secrets that it mounts."""
    plain = re.sub(r"--mount=\S+\s*|\. /run/secrets/machine\s*&&\s*", "", step)
    plain = re.sub(r"\s+", " ", plain.partition("] ")[2] or plain)
    return f"`{plain[:60]}{'…' if len(plain) > 60 else ''}`"
