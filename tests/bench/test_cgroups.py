"""What the kernel counted, from both versions' files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tare.bench.cgroups import PREFIX, Group, sweep, version
from tare.bench.result import Counters


def files(root: Path, contents: dict[str, str]) -> None:
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def test_version_1_is_read(tmp_path: Path) -> None:
    files(
        tmp_path,
        {
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/g/memory.max_usage_in_bytes": "1048576\n",
            "cpuacct/g/cpuacct.usage": "2500000000\n",
            "cpu/g/cpu.stat": "nr_periods 4\nnr_throttled 1\nthrottled_time 500000000\n",
            "blkio/g/blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 512\n8:16 Read 4\nTotal 4612\n",
        },
    )

    assert version(tmp_path) == "v1"
    assert Group("g", root=tmp_path).read() == Counters(
        cpu_seconds=2.5, memory_peak=1048576, throttled_seconds=0.5, read_bytes=4100, written_bytes=512
    )


def test_version_2_is_read(tmp_path: Path) -> None:
    files(
        tmp_path,
        {
            "cgroup.controllers": "cpu io memory\n",
            "g/memory.peak": "2097152\n",
            "g/cpu.stat": "usage_usec 1500000\nuser_usec 1\nthrottled_usec 250000\n",
            "g/io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=1\n8:16 rbytes=5 wbytes=0\n",
        },
    )

    assert version(tmp_path) == "v2"
    assert Group("g", root=tmp_path).read() == Counters(
        cpu_seconds=1.5, memory_peak=2097152, throttled_seconds=0.25, read_bytes=15, written_bytes=20
    )


def test_nothing_is_counted_where_there_are_no_groups(tmp_path: Path) -> None:
    group = Group("g", root=tmp_path)

    assert (group.create(), group.read(), version(tmp_path)) == (False, Counters(), "none")


def test_a_file_of_another_kernel_is_not_a_number(tmp_path: Path) -> None:
    files(tmp_path, {"cgroup.controllers": "", "g/memory.peak": "max\n", "g/cpu.stat": "usage_usec\n"})

    assert Group("g", root=tmp_path).read() == Counters()


def test_groups_of_who_was_killed_are_removed_from_every_hierarchy(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone, kept = f"{PREFIX}{ended.pid}-0", f"{PREFIX}{os.getpid()}-0"
    files(tmp_path, {"memory/memory.limit_in_bytes": "0\n"})
    for hierarchy in ("memory", "cpuset"):
        for name in (gone, kept, f"{PREFIX}elsewhere"):
            (tmp_path / hierarchy / name / "container").mkdir(parents=True)

    sweep(tmp_path)

    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob(f"*/{PREFIX}*"))
    assert left == sorted(f"{each}/{name}" for each in ("memory", "cpuset") for name in (kept, f"{PREFIX}elsewhere"))
