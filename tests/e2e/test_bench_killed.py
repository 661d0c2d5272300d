"""A benchmark that is killed while a container measures: nothing goes on behind its back, and the next run goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
CASES = 8
"""Of the workload `cpu`."""


def command(engine: str, results: Path, *more: str) -> list[str]:
    image = sys.executable if engine == "host" else "deb:trixie"
    images = [word for name in ("one", "two") for word in ("--image", f"{name}={image}")]
    told = ["--profile", "smoke", "--workloads", "cpu", "--rounds", "3", "--engine", engine, *images, "--output"]
    return [sys.executable, "-m", "tare", "bench", "run", *told, str(results), *more]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


def run(arguments: list[str]) -> None:
    done = subprocess.run(arguments, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def below(pid: int) -> set[int]:
    """Return the processes that descend from *pid*, as this machine counts them."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def measures(pid: int) -> bool:
    try:
        return b"work_python.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def until(true: Callable[[], bool], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def lines(results: Path) -> list[bytes]:
    path = results / "samples.jsonl"
    return (
        [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")] if path.exists() else []
    )


def whole(results: Path, rounds: int) -> None:
    """Check that every case of every candidate is there once in each round, and that all is well."""
    samples = [json.loads(line) for line in lines(results)]
    found = Counter((each["round"], each["candidate"]) for each in samples)
    wanted = {(number, name): CASES for number in range(rounds) for name in ("one", "one (A/A)", "two")}
    assert found == wanted
    assert len({(each["round"], each["candidate"], each["case"]) for each in samples}) == len(samples)
    assert {each.get("status", "ok") for each in samples} == {"ok"}


@pytest.mark.e2e
@pytest.mark.parametrize("engine", ["host", "chroot"])
def test_a_run_that_is_killed_in_mid_measurement_leaves_nothing_behind_and_goes_on(tmp_path: Path, engine: str) -> None:
    results = tmp_path / "results"
    process = subprocess.Popen(
        command(engine, results), env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with process:
        until(lambda: len(lines(results)) >= 2 * CASES and any(map(measures, below(process.pid))), 120)
        started = below(process.pid)
        process.send_signal(signal.SIGKILL)
    before = lines(results)
    until(lambda: not any(Path(f"/proc/{each}").exists() for each in started), 5)

    run(command(engine, results))
    assert lines(results)[: len(before)] == before
    whole(results, 3)
    run(command(engine, results, "--more", "1"))
    whole(results, 4)
    assert list(Path("/sys/fs/cgroup").glob(f"**/tare-bench-{process.pid}-*")) == []


@pytest.mark.e2e
def test_a_run_that_is_interrupted_says_what_is_kept_and_how_it_goes_on(tmp_path: Path) -> None:
    """Also when it had only added rounds: the same command without `--more` measures them."""
    results = tmp_path / "results"
    run(command("host", results, "--rounds", "1"))
    said = []
    for more, wanted in ((("--more", "1"), 4), ((), 5)):
        arguments = command("host", results, *("--rounds", "1", *more))
        with subprocess.Popen(arguments, env=ENVIRONMENT, stdout=-3, stderr=subprocess.PIPE, text=True) as process:
            until(lambda wanted=wanted: len(lines(results)) >= wanted * CASES, 60)  # type: ignore[misc]
            until(lambda process=process: any(map(measures, below(process.pid))), 60)  # type: ignore[misc]
            process.send_signal(signal.SIGINT)
            said.append(process.communicate()[1])
        assert process.returncode == 130

    assert said == [
        f"{4 * CASES} samples are kept in {results}; the same command without `--more` goes on from there\ninterrupted\n",
        f"{5 * CASES} samples are kept in {results}; the same command goes on from there\ninterrupted\n",
    ]
    run(command("host", results, "--rounds", "1"))
    whole(results, 2)


@pytest.mark.e2e
def test_what_was_killed_can_be_taken_up_at_once(tmp_path: Path) -> None:
    """The children of who was killed hold the lock until they notice: that is waited for."""
    results = tmp_path / "results"
    for _ in range(3):
        with subprocess.Popen(command("host", results), env=ENVIRONMENT, stdout=-3, stderr=-3) as process:
            until(lambda process=process: any(map(measures, below(process.pid))), 60)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
    run(command("host", results))
    whole(results, 3)
