"""Benchmarks on a real clock: equal things are equal, and what was made slower is found."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_runs import CONTROL, FakeWorkload, bench
from schemas import faults, published

from tare.bench.analysis import analyse
from tare.bench.cell import Cell
from tare.bench.journal import Journal
from tare.bench.workload import Measured

SOURCE = Path(__file__).parents[2] / "src"


def busy(seconds: float) -> float:
    """Use the processor for about *seconds*, and return the seconds of processor time that it took."""
    begun = time.process_time()
    while time.process_time() - begun < seconds:
        math.sqrt(2.0)
    return time.process_time() - begun


def cell(directory: Path, work: Callable[[str], float], rounds: int = 10) -> Cell:
    def measure(candidate: str) -> Measured:
        return Measured(case="loops", value=work(candidate))

    bench(directory, FakeWorkload(measure), ("slim", "app", CONTROL)).run(rounds)
    return next(each for each in analyse(Journal(directory).read()).cells if each.candidate == "app")


@pytest.mark.slow
def test_of_twenty_real_runs_of_equal_things_at_most_one_has_a_verdict(tmp_path: Path) -> None:
    found = [cell(tmp_path / str(number), lambda _: busy(0.01)).comparison for number in range(20)]

    assert sum(each is not None and each.verdict in {"faster", "slower"} for each in found) <= 1


@pytest.mark.slow
def test_ten_percent_of_sleep_are_found_and_measured(tmp_path: Path) -> None:
    def sleep(candidate: str) -> float:
        begun = time.perf_counter()
        time.sleep(0.22 if candidate == "app" else 0.2)
        return time.perf_counter() - begun

    found = cell(tmp_path, sleep).comparison
    assert found is not None
    assert found.verdict == "slower"
    assert found.low <= 1.1 <= found.high or abs(found.ratio - 1.1) < 0.01


@pytest.mark.e2e
def test_a_first_report_needs_no_image_no_engine_and_no_database(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tare", "bench", "run", "--workloads", "start,io", "--rounds", "1", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    finished = subprocess.run(
        [*command, "--output", str(tmp_path / "results")], capture_output=True, text=True, check=False, env=environment
    )

    assert finished.returncode == 0, finished.stderr
    document = json.loads(finished.stdout)
    assert faults(published("tare.bench.1"), document) == []
    assert {each["workload"] for each in document["samples"]} == {"start", "io"}
    assert all(each.get("status", "ok") == "ok" for each in document["samples"])
    assert finished.stderr.endswith(f"samples are in {tmp_path / 'results'}\n")
