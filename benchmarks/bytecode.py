"""How much sooner a container imports pandas and matplotlib when its image has bytecode, and what that weighs.

python benchmarks/bytecode.py      alone
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from fixture import Tare
from harness import Rounds, interleave
from peers import ROOT, SCIENCE
from results import Section, megabytes, page, seconds

ABOUT = """\
Two images of `examples/science` on `deb:trixie`, which differ in their bytecode alone: none at all, neither of the standard
library nor of the dependencies, as in the official `python:3.13-slim` with `pip install --no-compile`; and what
`--bytecode auto` takes. `import pandas, matplotlib` is timed inside, in a fresh container (`tare run --engine chroot
--read-only`) each time, in turns; the interpreter's own start is not in it. The files are in the machine's memory on both
sides. Processor time is told beside: other work on the machine hardly shows in it."""

GOAL, LIMIT = 2.0, 25_000_000
NONE, AUTO, AGAIN = "no bytecode", "--bytecode auto", "no bytecode, again"
PROGRAM = """\
import time
wall, processor = time.perf_counter(), time.process_time()
import pandas, matplotlib
print(time.perf_counter() - wall, time.process_time() - processor)
"""


def measure(tare: Tare, scratch: Path, *, rounds: int, budget: float) -> Section:
    """Build both images and import in them."""
    section = Section(title="Bytecode", about=ABOUT)
    images = {wish: f"oci:{scratch / 'bytecode'}:{wish}" for wish in ("none", "auto")}
    documents = {
        wish: json.loads(
            tare.run("build", str(SCIENCE), "--base", "deb:trixie", "--bytecode", wish, "-o", name, "--json").stdout
        )
        for wish, name in images.items()
    }
    processor: dict[str, list[float]] = {}

    def once(name: str, wish: str) -> float:
        words = ("--read-only", "--tmpfs", "/tmp", "--entrypoint", "python")  # the container's
        done = tare.run("run", "--quiet", "--engine", "chroot", *words, images[wish], "-c", PROGRAM)
        wall, cpu = map(float, done.stdout.split())
        processor.setdefault(name, []).append(cpu)
        return wall

    for wish in images:  # Both are unpacked, and in memory, before anything counts.
        once("", wish)
    found = interleave(
        {NONE: lambda: once(NONE, "none"), AUTO: lambda: once(AUTO, "auto"), AGAIN: lambda: once(AGAIN, "none")},
        rounds=rounds,
        seconds=budget,
    )
    section.raw = {**found.figures, **{f"{name}, processor": each for name, each in processor.items() if name}}
    _rows(section, found, processor)
    weight = documents["auto"]["bytecode"]["unpacked"]
    pull = documents["auto"]["sizes"]["pull"] - documents["none"]["sizes"]["pull"]
    modules = documents["auto"]["bytecode"]["modules"]
    figure = f"**{megabytes(weight)}** for {modules} modules, {megabytes(pull)} to pull"
    section.add("the bytecode weighs", figure, f"≤ {megabytes(LIMIT)}", met=weight <= LIMIT)
    return section


def _rows(section: Section, found: Rounds, processor: dict[str, list[float]]) -> None:
    ratio = found.ratio(NONE, AUTO)
    section.add("import without bytecode", seconds(found.median(NONE)))
    section.add("import with `--bytecode auto`", seconds(found.median(AUTO)))
    section.add("times as fast", f"**{ratio}**", f"≥ {GOAL}", met=ratio.median >= GOAL)
    times = statistics.median(processor[NONE]) / statistics.median(processor[AUTO])
    section.add("times less of a processor", f"{times:.2f}")
    section.noise(found.ratio(AGAIN, NONE))


def main() -> None:
    home = ROOT / ".cache" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as scratch:
        section = measure(Tare(cache=home / "tare"), Path(scratch), rounds=10, budget=240)
    print(page([section], preface="# Bytecode"))


if __name__ == "__main__":
    main()
