"""What will be noisy, too small or impossible here: said before anything runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from tare.bench import cgroups
from tare.bench.profiles import Profile
from tare.errors import MachineError


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the machine."""

    kind: Literal["good", "noisy", "impossible"]
    what: str
    """Such as `memory`."""
    text: str


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """The machine, as far as a measurement cares."""

    cores: int
    memory: int
    """Bytes that are available."""
    swap: int
    """Bytes of it that are used."""
    disk: int
    """Bytes that are free where results and databases go."""
    load: float
    steal: float
    """Share of the processors' time that the host of a virtual machine took."""
    governor: str | None
    cgroup: Literal["v1", "v2", "none"]
    total_memory: int = 0
    processor: str = ""
    place: str = ""
    """Where on the disk that is."""


def vitals(directory: Path, data: Path | None = None, *, root: Path = Path("/")) -> Vitals:
    """Return the machine's vitals; the disk is that of *data*, where a database is to be, or else that of *directory*.

    What a database has already, from a run that was ended, need not be free any more.
    """
    memory = _meminfo(root)
    steal = _steal(root)
    governor = _text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    wanted = (data or directory).absolute()
    place = next(each for each in (wanted, *wanted.parents) if each.exists())
    return Vitals(
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory=memory.get("MemAvailable", 0),
        swap=memory.get("SwapTotal", 0) - memory.get("SwapFree", 0),
        disk=shutil.disk_usage(place).free + (used(data) if data else 0),
        load=os.getloadavg()[0],
        steal=steal,
        governor=governor or None,
        cgroup=cgroups.version(root / "sys/fs/cgroup"),
        total_memory=memory.get("MemTotal", 0),
        processor=_processor(root),
        place=str(place),
    )


def examine(
    found: Vitals,
    profile: Profile,
    *,
    engine: str,
    workloads: Collection[str],
    unavailable: str | None = None,
    without: str | None = None,
) -> Iterator[Finding]:
    """Yield what there is to say of *found* for *workloads* of *profile*.

    *unavailable* is why the engine cannot be used, *without* why there is no database.
    """
    if unavailable is not None:
        yield Finding(kind="impossible", what="engine", text=f"{engine} cannot be used: {unavailable}")
    if without is not None:
        yield Finding(kind="impossible", what="database", text=without)
    where = f"free in `{found.place}`" if found.place else "free"
    yield _enough("disk", found.disk, disk_of(profile, workloads), where)
    yield _enough("memory", found.memory, memory_of(profile, workloads), "available")
    if "frames" in workloads and profile.rows > profile.chunk:
        yield Finding(
            kind="good",
            what="frames",
            text=f"{profile.rows:,} rows are made and asked in chunks of {profile.chunk:,}, for all images: "
            "group-bys that add up over all of them, other questions of the first",
        )
    yield from _noisy(found)


def _noisy(found: Vitals) -> Iterator[Finding]:
    if found.cores < 2:
        yield Finding(kind="noisy", what="cores", text="1 core: the load generator takes it from what is measured")
    elif found.cores < 4:
        yield Finding(
            kind="noisy",
            what="cores",
            text=f"{found.cores} cores: service, database and load generator share them; compare, and do not quote",
        )
    if found.load > found.cores * 0.3:
        yield Finding(kind="noisy", what="load", text=f"{found.load:.1f} processes run already on {found.cores} cores")
    if found.steal > 0.02:
        yield Finding(kind="noisy", what="steal", text=f"the host takes {found.steal:.0%} of the processors' time")
    if found.swap > 0:
        yield Finding(kind="noisy", what="swap", text=f"{found.swap / 1e6:.0f} MB are swapped out")
    if found.governor not in {None, "performance"}:
        yield Finding(kind="noisy", what="clock", text=f"the governor is `{found.governor}`, not `performance`")
    if found.cgroup == "none":
        yield Finding(kind="noisy", what="cgroup", text="no control groups: peaks are those of processes")


def disk_of(profile: Profile, workloads: Collection[str]) -> int:
    """Return how many bytes have to be free: the profile's are for a table; images need some in any case."""
    return profile.disk if "io" in workloads else min(profile.disk, _IMAGES)


def memory_of(profile: Profile, workloads: Collection[str]) -> int:
    """Return how many bytes have to be available: for a database, for a data frame or a chunk of it, or for a program."""
    frame = round(min(profile.rows, profile.chunk) * _ROW) if "frames" in workloads else 0
    return max(profile.memory if "io" in workloads else min(profile.memory, _PROGRAM), _PROGRAM + frame if frame else 0)


_IMAGES: Final = 4_000_000_000
"""Bytes of disk that some images take that have pandas, pyarrow and scikit-learn: 0.3 to 1.1 GB each, twice in a cache."""
_PROGRAM: Final = 500_000_000
"""Bytes of memory in which any program of ours runs, without its data."""
_ROW: Final = 200
"""Bytes of memory that a row of a data frame takes at most, copies of a question included. A chunk of 10⁷ rows of
10⁸ took 2.1 GB in all on 2026-11-24, and as many rows without others 1.8 GB."""


def refuse(findings: list[Finding], profile: str) -> None:
    """Raise `MachineError` if something is impossible."""
    causes = tuple(f"{each.what}: {each.text}" for each in findings if each.kind == "impossible")
    if causes:
        raise MachineError(
            f"the profile `{profile}` cannot be measured here",
            causes=causes,
            hints=("Choose a smaller one with `--profile`", "`tare bench doctor` says what this machine is fit for"),
        )


def _enough(what: str, there: int, wanted: int, word: str) -> Finding:
    text = f"{there / 1e9:.1f} GB {word}, {wanted / 1e9:.1f} GB wanted"
    return Finding(kind="good" if there >= wanted else "impossible", what=what, text=text)


def used(directory: Path) -> int:
    """Return how many bytes of the disk *directory* has; none if there is no such directory."""
    found = (os.path.join(place, name) for place, _, names in os.walk(directory) for name in names)
    return sum(os.lstat(path).st_blocks * 512 for path in found if os.path.lexists(path))


def _meminfo(root: Path) -> dict[str, int]:
    rows = (line.split() for line in _text(root / "proc/meminfo").splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) >= 2 and row[1].isdigit()}


def _steal(root: Path) -> float:
    for line in _text(root / "proc/stat").splitlines():
        words = line.split()
        if words and words[0] == "cpu" and len(words) > 8:
            total = sum(map(int, words[1:9]))
            return int(words[8]) / total if total else 0.0
    return 0.0


def _processor(root: Path) -> str:
    for line in _text(root / "proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
