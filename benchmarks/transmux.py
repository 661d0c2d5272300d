"""How near writing layers comes to its limit: inflating the same bytes and hashing them once."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import Rounds, interleave, timed
from peers import SCIENCE
from results import Section, megabytes, seconds
from zlib_ng import zlib_ng

from tare.build.layers import Writing, write_layers
from tare.flow.bases import named as bases
from tare.flow.build.dependencies import plan_dependencies
from tare.flow.request import Request
from tare.flow.world import Reporter, World
from tare.oci.digest import Digest
from tare.oci.platform import Platform
from tare.plan.plan import PlannedLayer
from tare.projects.project import read
from tare.projects.resolve import locked
from tare.stores.cache import Cache
from tare.wheels.methods import DEFLATED
from tare.wheels.wheel import Wheel

ABOUT = """\
The wheels of `examples/science` become layers: each file is checked against RECORD, diff ID and digest are hashed, and the
layers are written, to a file system in memory, since a disk's speed is not ours. The limit is what nobody can do without: inflating every file with zlib-ng and
hashing the result once with hashlib, on one thread, with the places of the files already known and nothing written."""

LIMIT, ONE, AGAIN, TWO = "the limit", "one thread", "one thread, again", "two threads"
SHARED_MEMORY = Path("/dev/shm")
MTIME = 315_532_800


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is written."""

    layers: Sequence[PlannedLayer]
    wheels: Mapping[Digest, Wheel]

    def write(self, directory: Path, threads: int) -> None:
        cache = Cache(Path(tempfile.mkdtemp(dir=directory)))
        try:
            write_layers(cache, self.layers, self.wheels, Writing(mtime=MTIME, threads=threads))
        finally:
            shutil.rmtree(cache.root)

    def places(self) -> list[tuple[Wheel, int, int, int]]:
        """Return for each file where its data begin, and its sizes before and after."""
        found = []
        for wheel in self.wheels.values():
            for member in wheel.archive.members:
                header = bytes(wheel.archive.source.read_at(member.header, 30))
                start = (
                    member.header
                    + 30
                    + int.from_bytes(header[26:28], "little")
                    + int.from_bytes(header[28:30], "little")
                )
                found.append((wheel, start, member.compressed, member.size if member.method == DEFLATED else -1))
        return found


def measure(cache: Path, scratch: Path, *, rounds: int, budget: float) -> Section:
    section = Section(title="Layers from wheels", about=ABOUT)
    work = plan(cache)
    places = work.places()
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else scratch
    processor = Rounds()

    def both(name: str, run: Callable[[], object]) -> float:
        before = time.process_time()
        took = timed(run)
        processor.figures.setdefault(name, []).append(time.process_time() - before)
        return took

    cases = {
        LIMIT: lambda: both(LIMIT, lambda: limit(places)),
        ONE: lambda: both(ONE, lambda: work.write(place, 1)),
        AGAIN: lambda: both(AGAIN, lambda: work.write(place, 1)),
        TWO: lambda: both(TWO, lambda: work.write(place, 2)),
    }
    found = interleave(cases, rounds=rounds, seconds=budget)
    section.raw.update(found.figures)
    section.raw.update({f"{name}, processor": values for name, values in processor.figures.items()})
    unpacked = sum(layer.unpacked for layer in work.layers)
    files = len(places)
    section.add(f"{LIMIT}: {files:,} files, {megabytes(unpacked)}", seconds(found.median(LIMIT)))
    for name in (ONE, TWO):
        section.add(f"{name}, median of {found.count(name)}", seconds(found.median(name)))
    one, two = found.ratio(ONE, LIMIT), found.ratio(ONE, TWO)
    section.add("one thread, as a multiple of the limit", f"**{one}**", "≤ 2", met=one.median <= 2)
    section.add("the same in time of the processor", f"{processor.ratio(ONE, LIMIT)}")
    section.add("two threads: how much faster than one", f"**{two}**", "≥ 1.5", met=two.median >= 1.5)
    section.noise(found.ratio(AGAIN, ONE))
    return section


def limit(places: Sequence[tuple[Wheel, int, int, int]]) -> None:
    for wheel, start, compressed, size in places:
        raw = wheel.archive.source.read_at(start, compressed)
        data = raw if size < 0 else zlib_ng.decompress(raw, -15, size or 1)
        hashlib.sha256(data).digest()


def plan(cache: Path) -> Work:
    """Return the layers of the example's dependencies; its wheels and its base are in *cache*."""
    world = World(
        environment=dict(os.environ), python=sys.executable, cache=Cache(cache), now=time.time, reporter=Reporter()
    )
    project = read(str(SCIENCE), memo_directory=world.memo_directory)
    request = Request(base="deb:trixie", platform=Platform(os="linux", architecture="amd64"))
    base = bases.resolve(world, request)
    selection = locked(project, base.facts.target(), world.uv)
    planned = plan_dependencies(world, project, request, base, selection)
    return Work(layers=planned.layers, wheels=planned.wheels)
