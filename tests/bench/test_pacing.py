"""Whoever sets a timetable keeps it: requests start when they are due, and not when a clock of milliseconds comes round."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tare.bench.pacing import Alarm

SOURCE = Path(__file__).parents[2] / "src"


async def lateness(pauses: int, seconds: float) -> list[float]:
    alarm = Alarm()
    found = []
    for _ in range(pauses):
        due = time.perf_counter() + seconds
        await alarm.until(due)
        found.append(time.perf_counter() - due)
    alarm.close()
    return sorted(found)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is asyncio's own sleep")
def test_an_alarm_rings_within_a_fraction_of_a_millisecond_and_never_before() -> None:
    found = asyncio.run(lateness(100, 0.0023))

    assert found[0] >= 0
    assert found[20] < 0.0004, "asyncio's own sleep is late by 0.7 ms here: epoll's 3 ms are not 2.3"


def test_what_is_over_lets_others_have_a_turn() -> None:
    async def turns() -> list[str]:
        alarm, order = Alarm(), []

        async def other() -> None:
            order.append("other")

        task = asyncio.create_task(other())
        await alarm.until(time.perf_counter() - 1)
        order.append("alarm")
        await task
        alarm.close()
        return order

    assert asyncio.run(turns()) == ["other", "alarm"]


def test_an_alarm_gives_its_file_back() -> None:
    async def files() -> tuple[int, int]:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            alarm = Alarm()
            await alarm.until(time.perf_counter() + 0.001)
            alarm.close()
        return before, len(os.listdir("/proc/self/fd"))

    before, after = asyncio.run(files())
    assert before == after


def test_the_generator_steps_forward_as_far_as_it_may() -> None:
    program = (
        "import gc, os; from tare.bench.pacing import step_forward; step_forward();"
        "print(gc.isenabled(), os.sched_getscheduler(0) == os.SCHED_FIFO or os.nice(0) <= 0)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SOURCE)}
    )
    assert said.stdout.split() == ["False", "True"]
