"""What is built and pushed again: one changed line, and nothing changed, beside Docker's builder with a warm cache."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from build_and_push import TAG, pushing
from fixture import Tare
from harness import interleave, timed
from peers import BUILDER, SCIENCE, SLIM, Peers
from results import Section, seconds

ABOUT = """\
A copy of `examples/science` that was built and pushed before, on both sides, with every cache warm; then one line is appended
to its only source file (*one line changed*), or nothing happens (*nothing changed*). `tare build --push` beside
`docker build` and `docker push` with `Dockerfile.uv`; the registry is on loopback."""

OURS_LINE, OURS_AGAIN, DOCKERS_LINE = (
    "tare, one line changed",
    "tare, one line changed, again",
    "docker, one line changed",
)
OURS, DOCKERS = "tare, nothing changed", "docker, nothing changed"

GOALS = {"one line changed": 0.6, "nothing changed": 1.0}


def missing(why: str) -> Section:
    """Return the section of a machine that has no peers."""
    section = Section(title="Build and push again", about=ABOUT)
    for name, most in GOALS.items():
        section.missing(f"{name}: tare's time to Docker's", why, f"≤ {most:g}")
    return section


def measure(tare: Tare, peers: Peers, scratch: Path, *, rounds: int, budget: float) -> Section:
    """Measure all cases for *rounds* rounds."""
    section = Section(title="Build and push again", about=ABOUT)
    mine, theirs = (_copied(scratch / name) for name in ("again-tare", "again-docker"))

    def ours() -> float:
        return tare.run(*pushing(peers, str(mine))).seconds

    def dockers() -> float:
        built = timed(lambda: peers.build("Dockerfile.uv", str(theirs), TAG, base=SLIM, builder=BUILDER))
        return built + timed(lambda: peers.push(TAG, "app:uv"))

    def ours_line() -> float:
        _append(mine)
        return ours()

    def dockers_line() -> float:
        _append(theirs)
        return dockers()

    def settled(build: Callable[[], float]) -> float:
        """Build what the last change left, which is another case's, and then again."""
        build()
        return build()

    ours()
    dockers()
    cases = {
        OURS_LINE: ours_line,
        OURS_AGAIN: ours_line,
        DOCKERS_LINE: dockers_line,
        OURS: lambda: settled(ours),
        DOCKERS: lambda: settled(dockers),
    }
    found = interleave(cases, rounds=rounds, seconds=budget)
    section.raw.update(found.figures)
    for name in (OURS_LINE, DOCKERS_LINE, OURS, DOCKERS):
        section.add(f"{name}, median of {found.count(name)}", seconds(found.median(name)))
    for what, one, other, most in (
        ("one line changed", OURS_LINE, DOCKERS_LINE, GOALS["one line changed"]),
        ("nothing changed", OURS, DOCKERS, GOALS["nothing changed"]),
    ):
        ratio = found.ratio(one, other)
        section.add(f"{what}: tare's time to Docker's", f"**{ratio}**", f"≤ {most:g}", ratio.median <= most)
    section.noise(found.ratio(OURS_AGAIN, OURS_LINE))
    return section


def _copied(project: Path) -> Path:
    shutil.copytree(SCIENCE, project, dirs_exist_ok=True)
    return project


def _append(project: Path) -> None:
    source = project / "parcels.py"
    with source.open("a", encoding="utf-8") as file:
        file.write(f"# {source.stat().st_size}\n")
